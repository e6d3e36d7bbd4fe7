"""FlexPrice's server in both its generations: today's, and the one of January 2026."""
