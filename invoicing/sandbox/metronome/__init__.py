"""Metronome, simulated: invoices per customer, contracts, commits and credits with their ledgers."""
