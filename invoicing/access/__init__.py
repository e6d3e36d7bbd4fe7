"""Who may do what, asked in one place by every door."""
