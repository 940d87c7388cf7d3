"""`python -m infra.stacks.compose up|down`: an error is one message for a person and exit code 1."""

from __future__ import annotations

import argparse
import sys
import time

from infra.errors import PlatformError
from infra.settings import load_settings
from infra.stacks.compose import stack
from infra.stacks.compose.engine import Compose


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.stacks.compose", description="The platform by Docker Compose."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="build what is missing, start everything, wait until it is healthy")
    down = commands.add_parser("down", help="remove the containers; the data stays")
    down.add_argument("--volumes", action="store_true", help="remove data and secrets too")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        compose = Compose(settings)
        if options.command == "down":
            stack.down(settings, compose, options.volumes, _say)
            return 0
        begun = time.monotonic()
        address = stack.up(settings, compose, _say)
    except PlatformError as error:
        print(error, file=sys.stderr)
        return 1
    _say(f"up after {time.monotonic() - begun:.0f} s. Flink: http://{stack.published(compose, 'jobmanager', 8081)}")
    _say("In Airflow, trigger the DAG <pipeline>_deploy: it ends with checked results.")
    _say(f"Airflow: {address}")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
