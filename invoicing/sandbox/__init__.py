"""The five billing providers, simulated over HTTP. Stands apart: imports nothing of the product, nothing imports it."""
