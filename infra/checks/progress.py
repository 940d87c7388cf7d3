"""Progress of long steps, as lines of the log."""

from __future__ import annotations

import logging
import time

from infra.pipeline.naming import TASK_LOGGER

EVERY_SECONDS = 5.0
log = logging.getLogger(TASK_LOGGER)


class Progress:
    """A count of done work that is logged every EVERY_SECONDS: how much is done, the rate, and what is left."""

    def __init__(self, what: str, total: int | None = None) -> None:
        self.done = 0
        self._what = what
        self._total = total
        self._begun = self._logged = time.monotonic()

    def add(self, number: int) -> None:
        """Count more done work."""
        self.done += number
        now = time.monotonic()
        if now - self._logged < EVERY_SECONDS:
            return
        self._logged = now
        rate = self.done / (now - self._begun)
        if self._total is None:
            log.info("checks: %s %s (%s/s)", f"{self.done:,}", self._what, f"{rate:,.0f}")
        else:
            left = max(0, self._total - self.done)
            seconds = left / rate if rate else 0
            log.info(
                "checks: %s of %s %s (%s/s), about %.0f s left",
                f"{self.done:,}", f"{self._total:,}", self._what, f"{rate:,.0f}", seconds,
            )  # fmt: skip
