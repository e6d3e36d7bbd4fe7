"""Measurements, both sides in one run, and the data they are made on."""
