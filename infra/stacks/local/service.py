"""A supervised service as a plain value: how to run it, and how to check that it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.stacks.private_files import write_private

PROBE_TIMEOUT_SECONDS = 3.0
CONNECT_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True)
class Service:
    """A program that the supervisor runs.

    `files` are its rendered configuration. `ports` maps keys of the settings to ports. `prepare` creates its data
    before the first start. `probe` returns None if the service answers, else a phrase with what was observed.
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
        """Return a hash that changes if the running program must be restarted to be as described."""
        files = {str(path): text for path, text in self.files.items()}
        text = json.dumps([self.command, files, dict(self.environment)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def write_files(self) -> None:
        """Write the configuration files; only their owner can read them."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for path, text in self.files.items():
            write_private(path, text)


@dataclass(frozen=True)
class ServiceStatus:
    """A row of `status`: `state` is the supervisor's state in lower case, `uptime` is in seconds, memory in MiB."""

    name: str
    state: str
    pid: int | None
    uptime: int
    memory_mb: int
    port: int
    log: Path
