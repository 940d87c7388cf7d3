"""The processes of services: those that outlived their supervisor, found by a mark in their environment, and memory."""

from __future__ import annotations

from pathlib import Path

import psutil

MARK = "OLYMPIC_SERVICE"
_SECONDS = 15.0


def marker_of(data_dir: Path, service: str) -> dict[str, str]:
    """The variable that says whose service a process is."""
    return {MARK: f"{data_dir}:{service}"}


def end_orphans(data_dir: Path) -> list[str]:
    """End the services of this data directory that no supervisor looks after any more; returns their names.

    Call it only when the supervisor does not run: its services would be taken for left-overs.
    """
    found = {process: service for process in psutil.process_iter() if (service := _part_of(process, data_dir))}
    for process in found:
        _signal(process, "terminate")
    _, alive = psutil.wait_procs(found, timeout=_SECONDS)
    for process in alive:
        _signal(process, "kill")
    psutil.wait_procs(alive, timeout=_SECONDS)
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
    """`<data directory>:<service>` when the process is a service of some checkout's local stack."""
    try:
        value = psutil.Process(pid).environ().get(MARK)
    except psutil.Error:
        return None
    return str(value) if value else None


def _part_of(process: psutil.Process, data_dir: Path) -> str | None:
    mark = service_running_as(process.pid)
    prefix = f"{data_dir}:"
    return mark.removeprefix(prefix) if mark and mark.startswith(prefix) else None


def _signal(process: psutil.Process, action: str) -> None:
    try:
        getattr(process, action)()
    except psutil.NoSuchProcess:
        return  # it has ended by itself, which is what was wanted
