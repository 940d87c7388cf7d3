"""The command that shows what a deployment on the local stack would do, and changes nothing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.cli.pipeline import add_deployment_options, pipeline_command

if TYPE_CHECKING:
    from infra.pipeline import Pipeline
    from infra.plan import Plan
    from infra.settings import Settings


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    text = "show what a deployment would create, change, leave or refuse, and change nothing"
    parser = pipeline_command(commands, "plan", _plan, text)
    add_deployment_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document in place of lines")


def _plan(options: argparse.Namespace) -> int:
    """Print the plan; return 0 if there is nothing to do, 2 if there is, and 1 if the deployment would be refused."""
    from infra.cli.deployment import pipelines_root
    from infra.pipeline import load_pipeline
    from infra.settings import load_settings

    settings = load_settings()
    plan = _local_plan(settings, load_pipeline(pipelines_root(settings) / options.pipeline), options)
    if options.json:
        print(json.dumps(plan.document(), indent=1))
    else:
        print("\n".join(plan.lines()))
    sys.stdout.flush()
    return plan.exit_status


def _local_plan(settings: Settings, pipeline: Pipeline, options: argparse.Namespace) -> Plan:
    from infra.cli.deployment import existing_file, preview_database
    from infra.jobs.render import render_job
    from infra.plan import Action, PlannedChange, compared
    from infra.planning import Request, Systems, estimated_rows, plan_deployment
    from infra.stacks.local.stack import check_running, kafka_endpoint, known_mysql_endpoint
    from infra.targets.local import check_local_capacity, local_target

    check_running(settings)
    kafka, target, source = kafka_endpoint(settings), local_target(settings), pipeline.source.mysql
    database = preview_database(settings, source.database) if source else None
    for_jobs = known_mysql_endpoint(settings, "cdc", source.database) if source else None
    data = existing_file(options.data)
    path = Path(data) if data else pipeline.path(pipeline.seed.data) if pipeline.source.seed else None

    def capacity() -> PlannedChange:
        reader = database.endpoints["reader"] if database and not database.is_missing else None
        name, rows = estimated_rows(pipeline, kafka, reader, path)
        lines = check_local_capacity(settings, rows, name)
        return PlannedChange("target", "local", Action.UNCHANGED, "", (f"{name}, about {rows:,} rows", *lines))

    systems = Systems(
        kafka,
        target,
        lambda found, job: render_job(found, job, kafka, for_jobs, target.secrets, target.image),
        owner=database.endpoints["owner"] if database else None,
        cdc=database.endpoints["cdc"] if database else None,
        lacks_database=bool(database and database.is_missing),
    )
    request = Request(
        lambda: path or pipeline.path(pipeline.seed.data),
        allow_rejects=options.allow_rejects,
        allow_deletions=options.allow_deletions,
        adopt_table=options.adopt_table,
        from_scratch=options.start_from == "scratch",
    )
    before = [compared("target", "local", capacity), *(database.changes if database else [])]
    return plan_deployment(pipeline, systems, request, before)
