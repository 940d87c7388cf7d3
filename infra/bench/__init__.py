"""Measurements of the platform, which print the figures of the README."""
