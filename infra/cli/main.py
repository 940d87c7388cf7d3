"""The parser of all commands, and the translation of errors into messages and exit codes."""

from __future__ import annotations

import argparse
import sys

from infra.cli import bench, compose, example, install, local, new, pipeline, plan
from infra.errors import PlatformError


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; the namespace that it returns has `run`, the function of the command."""
    parser = argparse.ArgumentParser(prog="python -m infra", description="The Olympic streaming platform.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (pipeline, new, plan, bench, local, example, compose, install):
        module.add_commands(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 or the command's own, 1 after an error, or 130 after Ctrl-C.

    An error of the platform is one message on standard error.
    """
    options = build_parser().parse_args(arguments)
    try:
        status: int | None = options.run(options)
    except PlatformError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status or 0
