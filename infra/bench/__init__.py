"""Measurements of the platform, which print the figures that the README quotes."""
