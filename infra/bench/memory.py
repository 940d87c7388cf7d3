"""The peak memory of processes, sampled in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

SAMPLE_SECONDS = 0.25
# Until a child executes its program, it shows the memory of its parent a second time.
FORKED_SECONDS = 0.5


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


def descendant_of(pid: int, *words: str) -> psutil.Process | None:
    """Return the first descendant of a process with all of these words on its command line."""
    with suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):
                if set(words) <= set(process.cmdline()):
                    return process
    return None


def split_family(process: psutil.Process) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Return a Python process with the Python processes that it started, and other programs with their descendants."""
    own, others = [process], []
    with suppress(psutil.Error):
        for child in process.children():
            with suppress(psutil.Error):
                if time.time() - child.create_time() < FORKED_SECONDS:
                    continue
                if Path(child.exe()).name.startswith("python"):
                    python, programs = split_family(child)
                    own += python
                    others += programs
                else:
                    others += [child, *child.children(recursive=True)]
    return own, others
