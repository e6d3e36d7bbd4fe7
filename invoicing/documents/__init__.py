"""PDFs: our own drawing of an invoice, and the vault that keeps every PDF we ever had."""
