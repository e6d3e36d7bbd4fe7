"""What a person can do: one file a verb, and the ledger that makes it safe."""
