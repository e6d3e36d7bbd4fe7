"""People's check of invoices, which no provider knows of: rules that ask for it, its states, checks, comments."""
