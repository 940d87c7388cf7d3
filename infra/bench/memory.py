"""The peak memory of processes, sampled in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import TracebackType

import psutil

SAMPLE_SECONDS = 0.25


class MemoryWatch:
    """Samples the resident memory of named process trees; `find` returns their processes at this moment."""

    def __init__(self, find: Callable[[], Mapping[str, Iterable[psutil.Process]]]) -> None:
        self._find = find
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)
        self.peak_mb: dict[str, int] = {}

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            for name, processes in self._find().items():
                size = sum(_resident(process) for process in processes) // 1024**2
                self.peak_mb[name] = max(self.peak_mb.get(name, 0), size)


def _resident(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def children_of(pid: int, *words: str) -> list[psutil.Process]:
    """Return the descendants of a process from those on whose command lines have all words, and their children."""
    found: list[psutil.Process] = []
    with suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):
                if set(words) <= set(process.cmdline()):
                    return [process, *process.children(recursive=True)]
    return found
