"""Waiting for a condition, with a message that names what was expected and what was seen last."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from infra.errors import TransientError, WaitTimeoutError

Found = TypeVar("Found")


def wait_until(
    condition: Callable[[], Found | None],
    what: str,
    timeout_seconds: float,
    poll_seconds: float = 0.3,
    hint: Callable[[], str] = lambda: "",
) -> Found:
    """Return the first value of `condition` that is neither None nor False.

    A TransientError of the condition counts as "not yet". WaitTimeoutError after `timeout_seconds`, with what was seen
    last and, from `hint`, what to check next.
    """
    deadline = time.monotonic() + timeout_seconds
    last = "nothing yet"
    while True:
        try:
            found = condition()
        except TransientError as error:
            found, last = None, str(error)
        if found is not None and found is not False:
            return found
        if time.monotonic() >= deadline:
            raise WaitTimeoutError(f"waited {timeout_seconds:.0f} s for {what}; last seen: {last} {hint()}".rstrip())
        time.sleep(poll_seconds)
