"""CockroachDB Cloud: its monthly bills to us, read only."""
