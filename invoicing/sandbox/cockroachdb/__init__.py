"""CockroachDB Cloud: the bills it sends to us, one a month, read only."""
