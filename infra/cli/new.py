"""The command that creates a pipeline from the tables of a database."""

from __future__ import annotations

import argparse
from typing import Any


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("new", help="create a pipeline that captures tables of the local stack's database")
    parser.add_argument("--pipeline", required=True, help="the name of the new folder of flink_jobs/")
    parser.add_argument("--database", help="the database of the tables; by default it has the name of the pipeline")
    parser.add_argument("--tables", default="*", help='names and shell patterns, such as "customers order_*"')
    parser.set_defaults(run=_new)


def _new(options: argparse.Namespace) -> None:
    from infra.cli.deployment import pipelines_root
    from infra.errors import DefinitionError
    from infra.mysql.captured_tables import find_tables, problems_of
    from infra.mysql.connection import connect
    from infra.pipeline.new import create_pipeline
    from infra.settings import load_settings
    from infra.stacks.local import stack

    settings = load_settings()
    name, database, patterns = options.pipeline, options.database or options.pipeline, options.tables.split()
    stack.up(settings)
    with connect(stack.mysql_admin(settings)) as connection:
        found, unmatched = find_tables(connection, database, patterns)
    if unmatched:
        raise DefinitionError(
            f"{', '.join(unmatched)}: no table of database {database!r} has this name. Fix TABLES, or SOURCE, which is "
            "the name of the database."
        )
    problems = {table.name: list(problems_of(table, f"{name}.")) for table in found}
    refused = {table: texts[0] for table, texts in problems.items() if texts}
    captured = [table for table in problems if table not in refused]
    if not captured:
        reasons = "\n".join(f"  - {reason}" for reason in refused.values())
        raise DefinitionError(f"no table of database {database!r} can be captured:\n{reasons}")
    # A pattern also names tables that do not exist yet, so it stays if all that it names can be captured.
    path = create_pipeline(pipelines_root(settings), name, database, captured if refused else patterns, refused)
    print(f"{path}: created, with {len(captured)} tables of database {database}")
    for table, reason in refused.items():
        print(f"  without {table}: {reason}")
    print(f"Run `make run PIPELINE={name}` to capture them.")
