"""The processes of services: orphaned ones, which a variable in their environment identifies, and their memory."""

from __future__ import annotations

from pathlib import Path

import psutil

MARK = "OLYMPIC_SERVICE"
_END_TIMEOUT_SECONDS = 15.0


def marker_of(data_dir: Path, service: str) -> dict[str, str]:
    """Return the environment variable that identifies a service's process."""
    return {MARK: f"{data_dir}:{service}"}


def end_orphans(data_dir: Path) -> list[str]:
    """End the orphaned processes of this data directory, and return the names of their services.

    The supervisor must not run: its own services would be ended too.
    """
    found = {process: service for process in psutil.process_iter() if (service := _service_of(process, data_dir))}
    for process in found:
        _signal(process, "terminate")
    _, alive = psutil.wait_procs(found, timeout=_END_TIMEOUT_SECONDS)
    for process in alive:
        _signal(process, "kill")
    psutil.wait_procs(alive, timeout=_END_TIMEOUT_SECONDS)
    return sorted(set(found.values()))


def resident_memory_mb(pid: int) -> int:
    """Return the resident memory of a process and its children in MiB; 0 if it has ended."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(_resident_bytes(member) for member in family) // 1024**2


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def service_running_as(pid: int) -> str | None:
    """Return `<data directory>:<service>` of a process of any local stack; None for another process."""
    try:
        value = psutil.Process(pid).environ().get(MARK)
    except psutil.Error:
        return None
    return str(value) if value else None


def _service_of(process: psutil.Process, data_dir: Path) -> str | None:
    mark = service_running_as(process.pid)
    prefix = f"{data_dir}:"
    return mark.removeprefix(prefix) if mark and mark.startswith(prefix) else None


def _signal(process: psutil.Process, action: str) -> None:
    try:
        getattr(process, action)()
    except psutil.NoSuchProcess:
        return  # it has ended already
