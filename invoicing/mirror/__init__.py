"""How a provider's answer becomes our rows. The only writer of mirrored facts."""
