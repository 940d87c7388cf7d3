"""Progress of long work: a line every few seconds, and none for work that is done before the first one is due.

tqdm and rich.progress do not fit: they draw bars on a terminal, while a task writes lines to its log.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

REPORT_SECONDS = 5.0

Report = Callable[[str], object]


def silent(_: str) -> None:
    """Report nothing."""


class Progress:
    """Reports how much is done, how fast, and how long the rest takes at that rate.

    `total` is the size of the work in any measure, such as the bytes of a file; without it only the rate is reported.
    """

    def __init__(
        self,
        report: Report,
        what: str,
        unit: str = "rows",
        total: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report = report
        self._what = what
        self._unit = unit
        self._total = total
        self._clock = clock
        self._started = clock()
        self._due = self._started + REPORT_SECONDS

    def update(self, done: int, position: float | None = None) -> None:
        """Report `done` units if a report is due; `position` is the part of `total` that is done, by default `done`."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + REPORT_SECONDS
        seconds = now - self._started
        self._report(self._line(done, done if position is None else position, seconds))

    def _line(self, done: int, position: float, seconds: float) -> str:
        rate = f"{done / seconds:,.0f} {self._unit}/s"
        if not self._total:
            return f"{self._what}: {done:,} {self._unit}, {rate}"
        part = min(position / self._total, 1.0)
        left = f", {duration(seconds * (1 - part) / part)} left" if part > 0 else ""
        return f"{self._what}: {done:,} {self._unit} ({part * 100:.0f} %), {rate}{left}"


@contextmanager
def heartbeat(report: Report, what: str, seconds: float = REPORT_SECONDS) -> Iterator[None]:
    """Report every few seconds that the block, such as one long statement, is still running."""
    ended = threading.Event()
    started = time.monotonic()

    def beat() -> None:
        while not ended.wait(seconds):
            report(f"{what}: running for {duration(time.monotonic() - started)}")

    thread = threading.Thread(target=beat, name=f"heartbeat: {what}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def duration(seconds: float) -> str:
    """Return seconds as `45 s`, `3 min 20 s` or `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
