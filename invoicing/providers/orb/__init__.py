"""Orb: a usage-billing service. Its invoices are receivables; its "issue" is our finalize."""
