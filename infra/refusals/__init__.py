"""What the platform refuses: one table of inputs and their exact messages, for the tests and docs/errors.md."""

from infra.refusals.page import REFUSALS_FILE, render_refusals
from infra.refusals.table import REFUSALS, Refusal

__all__ = ["REFUSALS", "REFUSALS_FILE", "Refusal", "render_refusals"]
