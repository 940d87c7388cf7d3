"""What a supervised part is: a plain value that says how to run it and how to see that it answers."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """One program under the supervisor.

    `files` are its rendered configuration; `ports` maps the setting's key to the port; `prepare` makes its data
    folder before the first start; `probe` returns None when the part answers, else a phrase of what was seen.
    """

    name: str
    command: list[str]
    directory: Path
    log: Path
    ports: Mapping[str, int]
    probe: Callable[[], str | None]
    files: Mapping[Path, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] = lambda: None
    ready_seconds: float = 120.0
    stop_seconds: int = 20

    def fingerprint(self) -> str:
        """Changes when the running program would have to be restarted to be as described."""
        files = {str(path): text for path, text in self.files.items()}
        text = json.dumps([self.command, files, dict(self.environment)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def write_files(self) -> None:
        """Write the configuration; only the owner can read it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for path, text in self.files.items():
            write_private(path, text)


@dataclass(frozen=True)
class PartStatus:
    """A line of `status`: `state` is the supervisor's word in lower case, `uptime` is in seconds."""

    name: str
    state: str
    pid: int | None
    uptime: int
    port: int
    log: Path


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, with mode 600; a reader sees the old or the new content, never a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(scratch).replace(path)
