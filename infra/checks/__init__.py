"""Validation: result topics against an independent recomputation, and the audit of source records."""
