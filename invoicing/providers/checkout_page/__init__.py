"""Checkout Page: invoices it draws from the payments of a store."""
