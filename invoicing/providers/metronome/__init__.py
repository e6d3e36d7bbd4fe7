"""Metronome: a usage-billing service. Its invoices are receivables, listed customer by customer."""
