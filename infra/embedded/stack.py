"""The embedded parts as a whole: `up`, `down`, `status` and `clean`, each safe to repeat."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.embedded.database import mysql_admin, mysql_endpoint, mysql_part, mysql_passwords
from infra.embedded.flink import flink_endpoint, flink_environment, flink_home, flink_parts
from infra.embedded.kafka import kafka_endpoint, kafka_part
from infra.embedded.leftovers import end_leftovers
from infra.embedded.parts import Part, PartStatus, write_private
from infra.embedded.ports import check_ports_free
from infra.embedded.state import ensure_state_dir, locked, remove_state_dir
from infra.embedded.supervisor import Supervisor
from infra.errors import SetupError, UnreachableError
from infra.settings import Settings
from infra.waiting import wait_until

__all__ = [
    "clean",
    "crash_report",
    "down",
    "flink_endpoint",
    "flink_environment",
    "flink_home",
    "kafka_endpoint",
    "mysql_admin",
    "mysql_endpoint",
    "mysql_passwords",
    "status",
    "up",
]

Report = Callable[[str], None]
_CRASHED = ("BACKOFF", "FATAL")
_RUNNING = ("STARTING", "RUNNING")
_LOG_LINES = 15


def _print(line: str) -> None:
    print(line, flush=True)


def _parts(settings: Settings) -> list[Part]:
    """In the order of their start: the slowest first."""
    return [*flink_parts(settings), mysql_part(settings), kafka_part(settings)]


def up(settings: Settings, report: Report = _print) -> list[str]:
    """Have every part run and answer; reports and returns a line per part, `started`, `restarted` or `unchanged`.

    SetupError when this machine lacks something or a part crashes, StillWaitingError when one does not answer in time.
    """
    state = ensure_state_dir(settings)
    parts = _parts(settings)
    with locked(state, "up"):
        supervisor = Supervisor(state)
        if not supervisor.is_alive():
            for name in end_leftovers(state):
                report(f"{name}: ended a process that had outlived its supervisor")
            check_ports_free({key: port for part in parts for key, port in part.ports.items()})
        for part in parts:
            part.write_files()
        supervisor.ensure_running(parts)
        begun = time.monotonic()
        changes = {part.name: _ensure_launched(supervisor, part, state) for part in parts}
        return [_await_ready(supervisor, part, changes[part.name], begun, report) for part in parts]


def _ensure_launched(supervisor: Supervisor, part: Part, state: Path) -> str:
    """Start a part that does not run as described, without waiting for it; returns what was done."""
    applied = state / "run" / f"{part.name}.applied"
    is_current = applied.exists() and applied.read_text(encoding="utf-8") == part.fingerprint()
    was_running = supervisor.processes()[part.name]["statename"] in _RUNNING
    if was_running and is_current:
        return "unchanged"
    supervisor.stop(part.name)
    check_ports_free(part.ports)
    part.prepare()
    supervisor.launch(part.name)
    write_private(applied, part.fingerprint())
    return "restarted" if was_running else "started"


def _await_ready(supervisor: Supervisor, part: Part, change: str, begun: float, report: Report) -> str:
    """Wait until the part answers; a crash ends the wait at once."""

    def answers() -> bool:
        state = supervisor.processes()[part.name]["statename"]
        if state in _CRASHED:
            raise SetupError(crash_report(part, "it ends right after its start. The end of its log:"))
        seen = part.probe() if state in _RUNNING else f"the process is {state.lower()}"
        if seen:
            raise UnreachableError(seen)
        return True

    wait_until(
        answers, f"{part.name} to answer", part.ready_seconds, hint=lambda: f"\n{crash_report(part, 'its log:')}"
    )
    line = f"{part.name}: {change}" + ("" if change == "unchanged" else f" ({time.monotonic() - begun:.1f} s)")
    report(line)
    return line


def crash_report(part: Part, what: str) -> str:
    """What happened to a part, the last lines of its log, and where the rest is."""
    lines = part.log.read_text(encoding="utf-8", errors="replace").splitlines() if part.log.exists() else []
    tail = "\n".join(f"    {line}" for line in lines[-_LOG_LINES:]) or "    (empty)"
    return f"{part.name}: {what}\n{tail}\nThe whole log is {part.log}. Mend the cause, then run `make up` again."


def down(settings: Settings, report: Report = _print) -> list[str]:
    """Stop every part; the data stays. Reports and returns what was stopped."""
    state = settings.state_dir
    if not (state / "run").is_dir():
        return _reported(["embedded parts: not running"], report)
    with locked(state, "up"):
        supervisor = Supervisor(state)
        if supervisor.is_alive():
            names = [name for name, info in supervisor.processes().items() if info["pid"]]
            supervisor.shut_down(seconds=90)
            return _reported([f"{name}: stopped" for name in names] or ["supervisor: stopped"], report)
        names = end_leftovers(state)
        return _reported([f"{name}: stopped" for name in names] or ["embedded parts: not running"], report)


def _reported(lines: Sequence[str], report: Report) -> list[str]:
    for line in lines:
        report(line)
    return list(lines)


def status(settings: Settings) -> list[PartStatus]:
    """Every part's state, `stopped` for all when the supervisor does not run; starts nothing."""
    supervisor = Supervisor(settings.state_dir)
    known = supervisor.processes() if supervisor.is_alive() else {}
    now = int(time.time())
    ports = {
        "flink-jobmanager": settings.ports.flink_rest,
        "flink-taskmanager": 0,
        "mysql": settings.ports.mysql,
        "kafka": settings.ports.kafka,
    }
    lines = []
    for name, port in ports.items():
        info = known.get(name, {"statename": "STOPPED", "pid": 0, "start": now})
        uptime = now - info["start"] if info["pid"] else 0
        log = settings.state_dir / "logs" / f"{name}.log"
        lines.append(PartStatus(name, info["statename"].lower(), info["pid"] or None, uptime, port, log))
    return lines


def clean(settings: Settings, report: Report = _print) -> list[str]:
    """Stop every part and remove the state folder with all data; SetupError when the folder is not ours."""
    lines = down(settings, report)
    removed = remove_state_dir(settings)
    word = "removed" if removed else "unchanged"
    return [*lines, *_reported([f"{settings.state_dir}: {word}"], report)]
