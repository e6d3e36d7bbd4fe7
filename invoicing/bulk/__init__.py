"""One verb of many invoices: frozen, rehearsed, confirmed, and carried out row by row through the same door as a single one."""
