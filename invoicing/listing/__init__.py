"""The one query behind list, counts, totals, export and bulk actions."""
