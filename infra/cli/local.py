"""Commands about the local stack: up, ui, down, status, clean."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.settings import Settings


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    texts: dict[str, tuple[Callable[[Settings], None], str]] = {
        "up": (_up, "start Kafka, the database and Flink, and wait until they answer"),
        "ui": (_ui, "also start Airflow, and print its address when it answers"),
        "down": (_down, "stop every service, but keep data and job state"),
        "status": (_status, "show every service and its address"),
        "clean": (_clean, "stop every service and delete all data"),
    }
    for name, (function, text) in texts.items():
        commands.add_parser(name, help=text).set_defaults(run=_with_settings(function))


def _with_settings(function: Callable[[Settings], None]) -> Callable[[argparse.Namespace], None]:
    def run(_: argparse.Namespace) -> None:
        from infra.settings import load_settings

        function(load_settings())

    return run


def _up(settings: Settings) -> None:
    from infra.stacks.local import stack

    stack.up(settings)


def _ui(settings: Settings) -> None:
    from infra.cli.deployment import pipelines_root, prepare
    from infra.pipeline import load_valid_pipelines
    from infra.stacks.local import stack

    stack.up(settings)
    for pipeline in load_valid_pipelines(pipelines_root(settings)):
        prepare(settings, pipeline)
    print("airflow: starting ...", flush=True)
    stack.up(settings, with_airflow=True)
    print("\n".join(["", *addresses(settings), "Stop everything with `make down`."]))


def _down(settings: Settings) -> None:
    from infra.stacks.local import stack

    stack.down(settings)


def _clean(settings: Settings) -> None:
    from infra.stacks.local import stack

    stack.clean(settings)


def _status(settings: Settings) -> None:
    print(render_status(settings))
    print("\n".join(["", *addresses(settings)]))


def render_status(settings: Settings) -> str:
    """Return a table with a row for each service."""
    from infra.stacks.local import stack

    rows = [("SERVICE", "STATE", "PID", "UPTIME", "MIB", "PORT", "LOG")]
    for service in stack.status(settings):
        uptime = f"{service.uptime // 60} min {service.uptime % 60} s"
        pid, port = str(service.pid or "-"), str(service.port or "-")
        memory = str(service.memory_mb or "-")
        rows.append((service.name, service.state, pid, uptime, memory, port, str(service.log)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def addresses(settings: Settings) -> list[str]:
    """Return the address of each service, for people and clients."""
    ports = settings.ports
    return [
        f"Airflow  http://127.0.0.1:{ports.airflow} (after `make ui`)",
        f"Flink    http://127.0.0.1:{ports.flink_rest}",
        f"Kafka    127.0.0.1:{ports.kafka}",
        f"MySQL    127.0.0.1:{ports.mysql} (`make sql` opens a prompt)",
    ]
