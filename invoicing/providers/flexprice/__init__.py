"""FlexPrice: subscription and usage billing, in two generations of one API."""
