"""The local stack as a whole: `up`, `down`, `status` and `clean`, each safe to repeat."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.errors import SetupError, UnreachableError
from infra.settings import Settings
from infra.setup.flink import flink_home
from infra.stacks.data_directory import ensure_data_dir, locked, remove_data_dir
from infra.stacks.local.airflow import airflow_services
from infra.stacks.local.certificates import ensure_certificates
from infra.stacks.local.database import (
    known_mysql_endpoint,
    mysql_admin,
    mysql_endpoint,
    mysql_passwords,
    mysql_service,
)
from infra.stacks.local.flink import flink_endpoint, flink_environment, flink_services
from infra.stacks.local.kafka import kafka_endpoint, kafka_service
from infra.stacks.local.ports import check_ports_free
from infra.stacks.local.processes import end_orphans, resident_memory_mb
from infra.stacks.local.service import Service, ServiceStatus
from infra.stacks.local.supervisor import Supervisor
from infra.stacks.log_tail import log_tail
from infra.stacks.private_files import write_private
from infra.waiting import wait_until

__all__ = [
    "check_running",
    "clean",
    "crash_report",
    "down",
    "flink_endpoint",
    "flink_environment",
    "flink_home",
    "kafka_endpoint",
    "known_mysql_endpoint",
    "mysql_admin",
    "mysql_endpoint",
    "mysql_passwords",
    "status",
    "up",
]

Report = Callable[[str], None]
_CRASHED = ("BACKOFF", "FATAL")
_RUNNING = ("STARTING", "RUNNING")


def _print(line: str) -> None:
    print(line, flush=True)


def _core_services(settings: Settings) -> list[Service]:
    """Return the services in start order, the slowest first."""
    return [*flink_services(settings), mysql_service(settings), kafka_service(settings)]


def up(settings: Settings, report: Report = _print, with_airflow: bool = False) -> list[str]:
    """Start the services and wait until they answer; report and return `<service>: started|restarted|unchanged`.

    Airflow is started only `with_airflow`, and is kept running if it runs. SetupError if this machine lacks something
    or a service crashes; WaitTimeoutError if one does not answer in time.
    """
    data_dir = ensure_data_dir(settings)
    core, airflow = _core_services(settings), airflow_services(settings)
    with locked(data_dir, "up"):
        supervisor = Supervisor(data_dir)
        services = [*core, *airflow] if with_airflow or _runs_airflow(supervisor, airflow) else core
        if not supervisor.is_alive():
            for name in end_orphans(data_dir):
                report(f"{name}: ended an orphaned process")
            check_ports_free({key: port for service in services for key, port in service.ports.items()})
        if settings.stack.security != "plaintext":
            ensure_certificates(settings)
        for service in services:
            service.write_files()
        supervisor.ensure_running([*core, *airflow])
        begun = time.monotonic()
        changes = {service.name: _ensure_launched(supervisor, service, data_dir) for service in services}
        return [_await_ready(supervisor, service, changes[service.name], begun, report) for service in services]


def _runs_airflow(supervisor: Supervisor, airflow: Sequence[Service]) -> bool:
    processes = supervisor.processes() if supervisor.is_alive() else {}
    return any(processes.get(service.name, {}).get("pid") for service in airflow)


def _ensure_launched(supervisor: Supervisor, service: Service, data_dir: Path) -> str:
    """Start a service that does not run as described, without waiting for it; return what was done."""
    applied = data_dir / "run" / f"{service.name}.applied"
    is_current = applied.exists() and applied.read_text(encoding="utf-8") == service.fingerprint()
    was_running = supervisor.processes()[service.name]["statename"] in _RUNNING
    if was_running and is_current:
        return "unchanged"
    supervisor.stop(service.name)
    check_ports_free(service.ports)
    service.prepare()
    supervisor.launch(service.name)
    write_private(applied, service.fingerprint())
    return "restarted" if was_running else "started"


def _await_ready(supervisor: Supervisor, service: Service, change: str, begun: float, report: Report) -> str:
    """Wait until the service answers; a crash ends the wait at once."""

    def answers() -> bool:
        state = supervisor.processes()[service.name]["statename"]
        if state in _CRASHED:
            raise SetupError(crash_report(service, "it ends right after its start. The end of its log:"))
        observed = service.probe() if state in _RUNNING else f"the process is {state.lower()}"
        if observed:
            raise UnreachableError(observed)
        return True

    wait_until(
        answers,
        f"{service.name} to answer",
        service.ready_seconds,
        hint=lambda: f"\n{crash_report(service, 'its log:')}",
    )
    line = f"{service.name}: {change}" + ("" if change == "unchanged" else f" ({time.monotonic() - begun:.1f} s)")
    report(line)
    return line


def crash_report(service: Service, what: str) -> str:
    """Return a message with what happened to a service, the end of its log, and the path of the whole log."""
    log = service.log.read_text(encoding="utf-8", errors="replace") if service.log.exists() else ""
    tail = log_tail(log, indent="    ") or "    (empty)"
    return f"{service.name}: {what}\n{tail}\nThe whole log is {service.log}. Fix the cause, then run `make up` again."


def down(settings: Settings, report: Report = _print) -> list[str]:
    """Stop every service, but keep its data; report and return `<service>: stopped` for each."""
    data_dir = settings.data_dir
    if not (data_dir / "run").is_dir():
        return _reported(["local stack: not running"], report)
    with locked(data_dir, "up"):
        supervisor = Supervisor(data_dir)
        if supervisor.is_alive():
            names = [name for name, info in supervisor.processes().items() if info["pid"]]
            supervisor.shut_down(seconds=90)
            end_orphans(data_dir)  # Airflow runs each task in a process group of its own
            return _reported([f"{name}: stopped" for name in names] or ["supervisor: stopped"], report)
        names = end_orphans(data_dir)
        return _reported([f"{name}: stopped" for name in names] or ["local stack: not running"], report)


def _reported(lines: Sequence[str], report: Report) -> list[str]:
    for line in lines:
        report(line)
    return list(lines)


def status(settings: Settings) -> list[ServiceStatus]:
    """Return the status of every service, `stopped` for all if the supervisor does not run; start nothing."""
    supervisor = Supervisor(settings.data_dir)
    processes = supervisor.processes() if supervisor.is_alive() else {}
    now = int(time.time())
    ports = {
        "flink-jobmanager": settings.ports.flink_rest,
        "flink-taskmanager": 0,
        "mysql": settings.ports.mysql,
        "kafka": settings.ports.kafka,
        **{service.name: sum(service.ports.values()) for service in airflow_services(settings)},
    }
    lines = []
    for name, port in ports.items():
        info = processes.get(name, {"statename": "STOPPED", "pid": 0, "start": now})
        uptime = now - info["start"] if info["pid"] else 0
        log = settings.data_dir / "logs" / f"{name}.log"
        pid, state = info["pid"] or None, info["statename"].lower()
        lines.append(ServiceStatus(name, state, pid, uptime, resident_memory_mb(pid) if pid else 0, port, log))
    return lines


def check_running(settings: Settings) -> None:
    """Check that Kafka, the database and Flink run, and start nothing; SetupError names those that do not."""
    core = [service for service in status(settings) if not service.name.startswith("airflow-")]
    stopped = [service.name for service in core if service.state != "running"]
    if stopped:
        raise SetupError(
            f"local stack: these services do not run: {', '.join(stopped)}. Expected all of them. Run `make up`."
        )


def clean(settings: Settings, report: Report = _print) -> list[str]:
    """Stop every service and delete the data directory; SetupError if the folder does not have the marker file."""
    lines = down(settings, report)
    removed = remove_data_dir(settings)
    word = "removed" if removed else "unchanged"
    return [*lines, *_reported([f"{settings.data_dir}: {word}"], report)]
