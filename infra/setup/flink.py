"""Find the Flink distribution that jobs are submitted with and that the local stack runs."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from infra.errors import SetupError


@cache
def flink_home() -> Path:
    """Return the distribution inside the apache-flink package; SetupError if it is not installed."""
    found = importlib.util.find_spec("pyflink")
    if found is None or found.origin is None:
        raise SetupError("apache-flink is not installed in this Python environment. Run `make setup`.")
    return Path(found.origin).parent
