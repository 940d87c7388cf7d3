"""The rejects file: CSV with line, reason and raw text of each rejected row; written completely or not at all."""

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
    """The rejected rows of a file: their number and the first few. Each is written at once, so memory stays bounded."""

    def __init__(self, file: csv.DictWriter[str]) -> None:
        self._file = file
        self.count = 0
        self.first: list[Reject] = []

    def add(self, reject: Reject) -> None:
        """Write a rejected row."""
        self._file.writerow({"line": str(reject.line), "reason": reject.reason, "raw": reject.raw})
        self.count += 1
        self.first = sorted([*self.first, reject], key=lambda known: known.line)[:_SHOWN]


@contextmanager
def write_rejects(path: Path) -> Iterator[Rejects]:
    """Yield a Rejects that writes to `path`.

    After a successful block `path` has all rejects, or does not exist if there are none. A failed block leaves it
    unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, because a rename is atomic only within one file system.
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
