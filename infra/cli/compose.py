"""Commands about Docker Compose: compose-up, compose-down."""

from __future__ import annotations

import argparse
import time
from typing import Any


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    up = commands.add_parser("compose-up", help="build images, create secrets, start containers, wait until healthy")
    up.set_defaults(run=_up)
    down = commands.add_parser("compose-down", help="remove the containers, but keep the data")
    down.add_argument("--volumes", action="store_true", help="delete the data and the secrets, too")
    down.set_defaults(run=_down)


def _up(_: argparse.Namespace) -> None:
    from infra.settings import load_settings
    from infra.stacks.compose import stack
    from infra.stacks.compose.engine import Compose

    begun, settings = time.monotonic(), load_settings()
    compose = Compose(settings)
    address = stack.up(settings, compose, _print)
    _print(f"up after {time.monotonic() - begun:.0f} s. Flink: http://{stack.published(compose, 'jobmanager', 8081)}")
    _print("In Airflow, trigger the DAG <pipeline>_deploy: it ends with checked results.")
    _print(f"Airflow: {address}")


def _down(options: argparse.Namespace) -> None:
    from infra.settings import load_settings
    from infra.stacks.compose import stack
    from infra.stacks.compose.engine import Compose

    settings = load_settings()
    stack.down(settings, Compose(settings), options.volumes, _print)


def _print(line: str) -> None:
    print(line, flush=True)
