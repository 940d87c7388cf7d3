"""Commands about a pipeline: run, reload, results, watch, sql."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from infra.errors import DefinitionError

if TYPE_CHECKING:
    from infra.pipeline import Pipeline
    from infra.settings import Settings


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    run = pipeline_command(commands, "run", _run, "start the local stack, deploy a pipeline, show its results")
    add_deployment_options(run)
    reload = pipeline_command(commands, "reload", _reload, "let the running job read a captured table again")
    reload.add_argument("--table", required=True, help="the name of the table")
    reload.add_argument("--where", help="read only the rows for which this SQL condition is true")
    results = pipeline_command(commands, "results", _results, "show the contents of the result topics")
    results.add_argument("--format", choices=("table", "json"), default="table")
    pipeline_command(commands, "watch", _watch, "show the results, and again after each change")
    pipeline_command(commands, "sql", _sql, "open a prompt on the pipeline's database, or read statements from a pipe")


def add_deployment_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that are params of a deployment."""
    parser.add_argument("--data", help="CSV file that the table becomes equal to, or JSON lines for a source topic")
    parser.add_argument("--allow-rejects", action="store_true", help="load the valid rows even if others are invalid")
    parser.add_argument("--allow-deletions", action="store_true", help="load a file that lacks many rows of the table")
    parser.add_argument("--adopt-table", action="store_true", help="seed a table that the platform did not create")
    parser.add_argument("--start-from", default="latest_state", choices=("latest_state", "scratch"))


def pipeline_command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    """Add a command that is about one pipeline, and return its parser."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text)
    parser.set_defaults(run=run)
    parser.add_argument("--pipeline", default="olympics", help="the name of a folder of flink_jobs/")
    return parser


def _run(options: argparse.Namespace) -> None:
    from rich.console import Console

    from infra.cli.deployment import existing_file, run_pipeline
    from infra.cli.local import addresses
    from infra.settings import load_settings

    settings = load_settings()
    conf: dict[str, object] = {"target": "local", "start_from": options.start_from}
    # Only what was given: a pipeline that only reads its source does not have these params.
    for name in ("allow_rejects", "allow_deletions", "adopt_table"):
        conf |= {name: True} if getattr(options, name) else {}
    conf |= {"data_file": existing_file(options.data)} if options.data else {}
    run_pipeline(settings, options.pipeline, conf, Console(highlight=False))
    hint = "Try `make watch`, `make sql` and `make ui`; `make down` stops everything."
    print("\n".join([*addresses(settings), hint]))


def _reload(options: argparse.Namespace) -> None:
    from rich.console import Console

    from infra.cli.deployment import run_dag

    settings, pipeline = _load(options)
    if not (pipeline.source.mysql and pipeline.source.mysql.tables):
        raise DefinitionError(
            f"pipeline {pipeline.name} does not capture tables. Expected one with source.mysql.tables. Fix PIPELINE."
        )
    if not options.table:
        raise DefinitionError(f"the table is missing. Expected one that pipeline {pipeline.name} captures. Set TABLE.")
    conf: dict[str, object] = {"target": "local", "table": options.table, "where": options.where}
    run_dag(settings, f"{pipeline.name}_reload", conf, Console(highlight=False))


def _results(options: argparse.Namespace) -> None:
    from rich.console import Console

    from infra.results import print_results, results_json
    from infra.stacks.local.kafka import kafka_endpoint

    settings, pipeline = _load(options)
    if options.format == "json":
        print(results_json(pipeline, kafka_endpoint(settings)))
    else:
        print_results(pipeline, kafka_endpoint(settings), Console(highlight=False))


def _watch(options: argparse.Namespace) -> None:
    from rich.console import Console

    from infra.results import watch_results
    from infra.stacks.local.kafka import kafka_endpoint

    settings, pipeline = _load(options)
    watch_results(pipeline, kafka_endpoint(settings), Console(highlight=False))


def _sql(options: argparse.Namespace) -> None:
    """Replace this process with the database's client, logged in as the owner of the pipeline's tables."""
    from infra.settings import inherited_environment
    from infra.stacks.local.database import mysql_endpoint
    from infra.stacks.local.database_server import find_program

    settings, pipeline = _load(options)
    database = pipeline.mysql_source.database
    owner = mysql_endpoint(settings, "owner", database)
    command = [find_program("mariadb"), "--no-defaults", f"--host={owner.host}", f"--port={owner.port}"]
    command += [f"--user={owner.user}", "--protocol=tcp", "--default-character-set=utf8mb4", "--table", database]
    if owner.tls:
        files = {"ca": owner.tls.ca, "cert": owner.tls.cert, "key": owner.tls.key}
        command[2:2] = [f"--ssl-{name}={path}" for name, path in files.items() if path]
    # The client reads the password from this variable, so it is neither on the command line nor in a file.
    os.execve(command[0], command, {**inherited_environment(), "MYSQL_PWD": owner.password})


def _load(options: argparse.Namespace) -> tuple[Settings, Pipeline]:
    """Return the settings and the pipeline that the command is about."""
    from infra.cli.deployment import pipelines_root
    from infra.pipeline import load_pipeline
    from infra.settings import load_settings

    settings = load_settings()
    return settings, load_pipeline(pipelines_root(settings) / options.pipeline)
