"""`python -m infra.embedded up|down|status|clean`: an error is one message for a person and exit code 1."""

from __future__ import annotations

import argparse
import sys

from infra.embedded import stack
from infra.errors import PlatformError
from infra.settings import Settings, load_settings

_COMMANDS = {
    "up": "start every part and wait until it answers",
    "down": "stop every part; the data stays",
    "status": "show every part's state",
    "clean": "stop every part and remove its data",
}


def render_status(settings: Settings) -> str:
    """A line per part."""
    rows = [("PART", "STATE", "PID", "UPTIME", "PORT", "LOG")]
    for part in stack.status(settings):
        uptime = f"{part.uptime // 60} min {part.uptime % 60} s"
        rows.append((part.name, part.state, str(part.pid or "-"), uptime, str(part.port or "-"), str(part.log)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.embedded", description="The embedded parts.")
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
