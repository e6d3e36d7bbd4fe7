"""A list's own set as a file: the same query, every row, exact amounts."""
