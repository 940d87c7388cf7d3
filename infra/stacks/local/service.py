"""What a supervised service is: a plain value that says how to run it and how to see that it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.stacks.private_files import write_private


@dataclass(frozen=True)
class Service:
    """One program under the supervisor.

    `files` are its rendered configuration; `ports` maps the setting's key to the port; `prepare` makes its data
    folder before the first start; `probe` returns None when the service answers, else a phrase of what was seen.
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
class ServiceStatus:
    """A line of `status`: `state` is the supervisor's word in lower case, `uptime` is in seconds, memory in MiB."""

    name: str
    state: str
    pid: int | None
    uptime: int
    memory_mb: int
    port: int
    log: Path
