"""Orb, simulated: invoices and what stands around them, as its API describes itself."""
