"""Validation: what the topics hold against an independent recomputation, and what became of each record."""
