"""Checkout Page: invoices are documents made from payments; the only change is to draw the PDF again."""
