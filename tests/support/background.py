"""Work that goes on beside a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event


@contextmanager
def repeating(action: Callable[[], object], pause: float) -> Iterator[None]:
    """Call the action with pauses (seconds) in a thread, until the end of the block, which raises its error."""
    stopped = Event()

    def run() -> None:
        while not stopped.wait(pause):
            action()

    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(run)
        try:
            yield
        finally:
            stopped.set()
        running.result(60)
