"""The end of a log or of a command's output, as error messages show it."""

from __future__ import annotations

LOG_TAIL_LINES = 30


def log_tail(text: str, indent: str = "") -> str:
    """Return the last LOG_TAIL_LINES lines of a text, each indented."""
    return "\n".join(f"{indent}{line}" for line in text.strip().splitlines()[-LOG_TAIL_LINES:])
