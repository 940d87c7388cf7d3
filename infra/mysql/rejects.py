"""The file that lists what was rejected: CSV with line, reason and raw text, whole or not there at all."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.mysql.data_file import Reject

_SHOWN = 3


class Rejects:
    """Counts rejected rows and keeps the first three; each is written down at once, so that memory stays bounded."""

    def __init__(self, file: csv.DictWriter[str]) -> None:
        self._file = file
        self.count = 0
        self.first: list[Reject] = []

    def add(self, reject: Reject) -> None:
        """Take one more rejected row."""
        self._file.writerow({"line": str(reject.line), "reason": reject.reason, "raw": reject.raw})
        self.count += 1
        self.first = sorted([*self.first, reject], key=lambda known: known.line)[:_SHOWN]


@contextmanager
def write_rejects(path: Path) -> Iterator[Rejects]:
    """Collect rejects; when the block ends well, `path` holds them all, and without any there is no such file.

    When the block fails, `path` is as before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since only within one file system a rename is atomic.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["line", "reason", "raw"])
            writer.writeheader()
            rejects = Rejects(writer)
            yield rejects
        if rejects.count:
            unfinished.replace(path)
        else:
            path.unlink(missing_ok=True)
    finally:
        unfinished.unlink(missing_ok=True)
