"""`python -m infra.stacks.local up|down|status|clean`: an error is one message for a person and exit code 1."""

from __future__ import annotations

import argparse
import sys

from infra.errors import PlatformError
from infra.settings import Settings, load_settings
from infra.stacks.local import stack

_COMMANDS = {
    "up": "start every service and wait until it answers",
    "down": "stop every service; the data stays",
    "status": "show every service's state",
    "clean": "stop every service and remove its data",
}


def render_status(settings: Settings) -> str:
    """A line per service."""
    rows = [("SERVICE", "STATE", "PID", "UPTIME", "PORT", "LOG")]
    for service in stack.status(settings):
        uptime = f"{service.uptime // 60} min {service.uptime % 60} s"
        rows.append(
            (service.name, service.state, str(service.pid or "-"), uptime, str(service.port or "-"), str(service.log))
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.stacks.local", description="The local stack.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in _COMMANDS.items():
        commands.add_parser(name, help=text)
    command = parser.parse_args(arguments).command
    try:
        settings = load_settings()
        if command == "status":
            print(render_status(settings))
        else:
            {"up": stack.up, "down": stack.down, "clean": stack.clean}[command](settings)
    except PlatformError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
