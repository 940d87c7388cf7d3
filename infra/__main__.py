"""`python -m infra run|results|ui`: what the Makefile calls."""

from __future__ import annotations

import argparse
import os
import sys

from rich.console import Console

from infra.errors import PlatformError
from infra.pipeline import find_pipelines, load_pipeline
from infra.results import print_results, results_json
from infra.run import existing_file, pipelines_root, prepare, run_pipeline
from infra.settings import Settings, load_settings
from infra.stacks.local.airflow import airflow_environment, airflow_program
from infra.stacks.local.stack import kafka_endpoint, up


def main() -> int:
    """The exit code: 0, or 1 with one clean message for an error of ours."""
    arguments = _parser().parse_args()
    console = Console(highlight=False)
    try:
        settings = load_settings()
        if arguments.command == "run":
            conf = {
                "target": "local",
                "data_file": existing_file(arguments.data),
                "allow_rejects": arguments.allow_rejects,
                "start_from": arguments.start_from,
            }
            run_pipeline(settings, arguments.pipeline, conf, console)
        elif arguments.command == "results":
            _results(settings, arguments.pipeline, arguments.format, console)
        else:
            _ui(settings, console)
    except PlatformError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start the local stack, deploy a pipeline, show its results")
    run.add_argument("--pipeline", default="olympics")
    run.add_argument("--data", default=None, help="CSV that the table becomes equal to, or JSON lines for a feed")
    run.add_argument("--allow-rejects", action="store_true", help="load the good rows even if some are bad")
    run.add_argument("--start-from", default="latest_state", choices=("latest_state", "scratch"))
    results = commands.add_parser("results", help="show what the result topics hold")
    results.add_argument("--pipeline", default="olympics")
    results.add_argument("--format", choices=("table", "json"), default="table")
    commands.add_parser("ui", help="Airflow's web interface on the local stack")
    return parser


def _results(settings: Settings, name: str, form: str, console: Console) -> None:
    pipeline = load_pipeline(pipelines_root(settings) / name)
    if form == "json":
        print(results_json(pipeline, kafka_endpoint(settings)))
    else:
        print_results(pipeline, kafka_endpoint(settings), console)


def _ui(settings: Settings, console: Console) -> None:
    """Becomes Airflow's own `standalone`: scheduler, triggerer and web server until it is interrupted."""
    up(settings)
    for folder in find_pipelines(pipelines_root(settings)):
        prepare(settings, load_pipeline(folder))
    console.print(f"Airflow will be at http://127.0.0.1:{settings.ports.airflow} in about a minute; Ctrl-C ends it.")
    os.execve(airflow_program(), [airflow_program(), "standalone"], airflow_environment(settings))


if __name__ == "__main__":
    sys.exit(main())
