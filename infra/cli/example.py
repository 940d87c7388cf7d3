"""The command of the example database."""

from __future__ import annotations

import argparse
from typing import Any


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "example", help="start the local stack, and load a shop database of another application"
    )
    parser.add_argument("--rows", type=int, default=None, help="about how many rows its ten tables have together")
    parser.set_defaults(run=_example)


def _example(options: argparse.Namespace) -> None:
    from infra.errors import SetupError
    from infra.example.shop import MINIMUM_ROWS, ROWS, load_shop
    from infra.settings import load_settings
    from infra.stacks.local import stack

    rows = ROWS if options.rows is None else options.rows
    if rows < MINIMUM_ROWS:
        raise SetupError(f"--rows is {rows}. Expected at least {MINIMUM_ROWS}. Fix it.")
    settings = load_settings()
    stack.up(settings)
    print("\n".join(load_shop(stack.mysql_admin(settings), print, rows)))
