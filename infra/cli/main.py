"""All commands in one parser, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import argparse
import sys

from infra.cli import compose, install, local, pipeline
from infra.errors import PlatformError


def build_parser() -> argparse.ArgumentParser:
    """The parser; the namespace that it returns has `run`, which runs the command."""
    parser = argparse.ArgumentParser(prog="python -m infra", description="The Olympic streaming platform.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (pipeline, local, compose, install):
        module.add_commands(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0, or 1 after one message on standard error for an error of the platform."""
    options = build_parser().parse_args(arguments)
    try:
        options.run(options)
    except PlatformError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
