"""The arguments and params that the DAGs of a pipeline share. Importing this loads no client."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import DAG, Param

from infra.orchestration import tasks
from infra.orchestration.failures import PlatformRetryPolicy
from infra.pipeline import Pipeline
from infra.settings import load_settings
from infra.targets.registry import TARGETS

START = pendulum.datetime(2026, 1, 1, tz="UTC")
RUN_TIMEOUT = timedelta(hours=1)
JOB_TIMEOUT = timedelta(minutes=10)
TASK_DEFAULTS: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=2),
    "execution_timeout": timedelta(minutes=20),
    "retry_policy": PlatformRetryPolicy(),
}
ALLOW_REJECTS = Param(
    False,
    type="boolean",
    title="Allow rejects",
    description="Load the valid rows even if others are invalid. Invalid rows of a table are listed in a rejects file; "
    "invalid lines of a source topic are published and go to the quarantine.",
)
ALLOW_DELETIONS = Param(
    False,
    type="boolean",
    title="Allow deletions",
    description="Load the file even if it lacks more of the table's rows than max_deleted_percent of the definition.",
)
ADOPT_TABLE = Param(
    False,
    type="boolean",
    title="Adopt the table",
    description="Seed a table that the platform did not create, from now on: its rows become those of the data file.",
)
PLAN_ONLY = Param(
    False,
    type="boolean",
    title="Plan only",
    description="Only report what this run would create, change, leave or refuse, in the log of plan_deployment.",
)


def target_param() -> Param:
    """Return the param for the target of a run; its default is that of the settings."""
    target = load_settings().deployment.target
    return Param(target, type="string", enum=list(TARGETS), title="Target", description="Where the jobs run.")


def dag_arguments(pipeline: Pipeline) -> dict[str, Any]:
    """Return the arguments that both DAGs of a pipeline pass to `DAG`."""
    return {
        "description": pipeline.description,
        "start_date": START,
        "catchup": False,
        "max_active_runs": 1,
        "tags": list(pipeline.tags),
        "dagrun_timeout": RUN_TIMEOUT,
        "default_args": {**TASK_DEFAULTS, "owner": pipeline.owner},
        "owner_links": {pipeline.owner: pipeline.owner_link} if pipeline.owner_link else {},
        "render_template_as_native_obj": False,
    }


def data_file_description(pipeline: Pipeline) -> str:
    """Return what a data file of the pipeline contains and does, for docs and params."""
    if pipeline.source.kafka:
        return f"JSON lines that are published to the topic `{pipeline.kafka_source.topic}`, each once"
    return (
        f"CSV that the table `{pipeline.mysql_source.table}` becomes equal to; rows that it does not have are deleted"
    )


def broken_dag(folder: Path, kind: str, error: Exception) -> DAG:
    """Return the DAG of a pipeline with an invalid definition, whose run reports the errors."""
    with DAG(
        dag_id=f"{folder.name}_{kind}",
        schedule=None,
        start_date=START,
        tags=["broken-definition"],
        default_args={"retry_policy": PlatformRetryPolicy()},
        doc_md=f"```\n{error}\n```",
    ) as dag:
        tasks.load_definition(str(folder))
    return dag
