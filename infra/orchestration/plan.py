"""The plan of a DAG run: its params and connections as the values that `infra.planning` compares with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.errors import TerminalError
from infra.orchestration.connections import kafka_endpoint, mysql_endpoint
from infra.orchestration.pipeline_jobs import job_spec, target_named
from infra.pipeline import Pipeline
from infra.plan import Action, Plan, PlannedChange, compared
from infra.planning import Request, Systems, plan_deployment


def plan_of_run(
    pipeline: Pipeline, params: Mapping[str, Any], data_file: Callable[[], Path], capacity: Callable[[], list[str]]
) -> Plan:
    """Return what a run with these params would do; `capacity` checks the target as `preflight_capacity` does."""
    target, database = target_named(params["target"]), pipeline.source.mysql
    systems = Systems(
        kafka_endpoint(pipeline),
        target,
        lambda found, job: job_spec(found, job, target),
        owner=mysql_endpoint(pipeline, "owner") if database and database.seed else None,
        cdc=mysql_endpoint(pipeline, "cdc") if database else None,
    )
    request = Request(
        data_file,
        allow_rejects=params.get("allow_rejects", False),
        allow_deletions=params.get("allow_deletions", False),
        adopt_table=params.get("adopt_table", False),
        from_scratch=params["start_from"] == "scratch",
    )
    ready = compared(
        "target", target.name, lambda: PlannedChange("target", target.name, Action.UNCHANGED, "", tuple(capacity()))
    )
    return plan_deployment(pipeline, systems, request, [ready])


def raise_refusals(plan: Plan) -> None:
    """Raise TerminalError with every refusal of the plan, if there is one."""
    if plan.refusals:
        listed = "\n".join("\n".join([change.summary, *change.details]) for change in plan.refusals)
        raise TerminalError(f"a deployment of {plan.pipeline} would be refused:\n{listed}")
