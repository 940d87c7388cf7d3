"""Processes that outlived their supervisor, known by a mark in their environment and ended by their id."""

from __future__ import annotations

from pathlib import Path

import psutil

MARK = "OLYMPIC_PART"
_SECONDS = 15.0


def marker_of(state: Path, part: str) -> dict[str, str]:
    """The variable that says whose part a process is."""
    return {MARK: f"{state}:{part}"}


def end_leftovers(state: Path) -> list[str]:
    """End the parts of this state folder that no supervisor looks after any more; returns their names.

    Call it only when the supervisor does not run: its parts would be taken for left-overs.
    """
    found = {process: part for process in psutil.process_iter() if (part := _part_of(process, state))}
    for process in found:
        _signal(process, "terminate")
    _, alive = psutil.wait_procs(found, timeout=_SECONDS)
    for process in alive:
        _signal(process, "kill")
    psutil.wait_procs(alive, timeout=_SECONDS)
    return sorted(set(found.values()))


def part_running_as(pid: int) -> str | None:
    """`<state folder>:<part>` when the process is a part of some checkout's embedded parts."""
    try:
        value = psutil.Process(pid).environ().get(MARK)
    except psutil.Error:
        return None
    return str(value) if value else None


def _part_of(process: psutil.Process, state: Path) -> str | None:
    mark = part_running_as(process.pid)
    prefix = f"{state}:"
    return mark.removeprefix(prefix) if mark and mark.startswith(prefix) else None


def _signal(process: psutil.Process, action: str) -> None:
    try:
        getattr(process, action)()
    except psutil.NoSuchProcess:
        return  # it has ended by itself, which is what was wanted
