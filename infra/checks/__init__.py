"""Validation: what the topics hold against an independent recomputation in the database."""
