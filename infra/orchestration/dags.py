"""The two DAGs of a pipeline, made from its spec. No client is loaded and no system is asked while they are parsed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import DAG, Asset, Context, Param, get_current_context, task
from jinja2 import UndefinedError

from infra.errors import DataFileError
from infra.orchestration.connections import connection_ids
from infra.orchestration.failures import airflow_failures
from infra.orchestration.operators import SubmitJobOperator, WaitForJobOperator
from infra.orchestration.targets import TARGETS
from infra.settings import load_settings
from infra.spec import Pipeline, load_pipeline
from infra.targets.render import job_name

START = pendulum.datetime(2026, 1, 1, tz="UTC")
JOB_TIMEOUT = timedelta(minutes=10)
CHECK_TIMEOUT_SECONDS = 180
DEFAULTS: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=2),
    "execution_timeout": timedelta(minutes=20),
}
ALLOW_REJECTS = Param(
    False,
    type="boolean",
    title="Allow rejects",
    description="Load the good rows even when the file has bad ones; the bad ones are listed in the rejects file.",
)


def deploy_dag(folder: Path) -> DAG:
    """`<pipeline>_deploy`: topics, seed, scripts, jobs, health, checked outputs."""
    pipeline = load_pipeline(folder)
    with DAG(
        dag_id=f"{pipeline.name}_deploy",
        schedule=None,
        is_paused_upon_creation=False,
        doc_md=_deploy_doc(pipeline),
        params={
            "target": _target(),
            "data_file": Param(
                None,
                type=["null", "string"],
                title="Data file",
                description=f"CSV that the table becomes equal to; empty: the pipeline's {pipeline.source.mysql.data}.",
            ),
            "allow_rejects": ALLOW_REJECTS,
            "start_from": Param(
                "latest_state",
                type="string",
                enum=["latest_state", "scratch"],
                title="Start from",
                description="scratch: drop the jobs' saved state, empty their topics, and build everything anew.",
            ),
        },
        **_common(pipeline),
    ) as dag:
        provisioned = provision_topics(str(folder))
        seeded = seed_mysql(str(folder), "{{ params.data_file or '' }}")
        ready = preflight_cdc(str(folder))
        staged = create_configmaps(str(folder))
        seeded >> ready
        healthy: dict[str, WaitForJobOperator] = {}
        for job, spec in pipeline.jobs.items():
            submitted = SubmitJobOperator(
                task_id=f"submit_{job}",
                folder=str(folder),
                job=job,
                target="{{ params.target }}",
                start_from="{{ params.start_from }}",
                doc_md=f"Makes `{job_name(pipeline, job)}` run at its revision, through a savepoint if that changes.",
            )
            healthy[job] = WaitForJobOperator(
                task_id=f"wait_for_{job}",
                job_name=job_name(pipeline, job),
                revision=f"{{{{ ti.xcom_pull(task_ids='submit_{job}')['revision'] }}}}",
                target="{{ params.target }}",
                timeout=JOB_TIMEOUT,
                doc_md="Healthy: RUNNING at its revision, a checkpoint since the submission, no failure since that.",
            )
            [provisioned, staged, ready] >> submitted >> healthy[job]
            [healthy[other] for other in spec.after] >> submitted
        list(healthy.values()) >> check_outputs_task(pipeline, folder)
    return dag


def reload_dag(folder: Path) -> DAG:
    """`<pipeline>_daily_reload`: the table becomes equal to the day's file while the jobs keep running."""
    pipeline = load_pipeline(folder)
    with DAG(
        dag_id=f"{pipeline.name}_daily_reload",
        schedule="@daily",
        is_paused_upon_creation=True,  # there is a file for each day from the day on that somebody says so
        doc_md=_reload_doc(pipeline),
        params={
            "target": _target(),
            "data_file": Param(
                pipeline.source.mysql.daily_data,
                type="string",
                minLength=1,
                title="Data file",
                description="The day's CSV, by a template with the logical date; relative to the pipeline's folder.",
            ),
            "allow_rejects": ALLOW_REJECTS,
        },
        **_common(pipeline),
    ) as dag:
        check_jobs_running(str(folder)) >> seed_mysql(str(folder), None) >> check_outputs_task(pipeline, folder)
    return dag


def broken_dag(folder: Path, kind: str, error: Exception) -> DAG:
    """Stands in for a DAG of a pipeline with a wrong spec, so that the others keep theirs; its run says why."""
    with DAG(
        dag_id=f"{folder.name}_{kind}",
        schedule=None,
        start_date=START,
        tags=["broken-spec"],
        doc_md=f"```\n{error}\n```",
    ) as dag:
        load_spec(str(folder))
    return dag


def check_outputs_task(pipeline: Pipeline, folder: Path) -> Any:
    """`check_outputs` with the pipeline's result topics as outlets: who waits for one waits for checked data."""
    outlets = [
        Asset(name=topic, uri=f"kafka://{pipeline.name}_kafka/{topic}", group=pipeline.name)
        for topic in pipeline.checks
    ]
    return check_outputs.override(outlets=outlets)(str(folder))


@task
def provision_topics(folder: str) -> list[str]:
    """Brings the pipeline's topics to their spec; never deletes."""
    from infra.orchestration import steps

    with airflow_failures("provision_topics"):
        return steps.provision_topics(Path(folder))


@task
def seed_mysql(folder: str, data_file: str | None) -> list[str]:
    """Makes the table equal to the data file by the fewest changes, in one transaction."""
    from infra.orchestration import steps

    context = get_current_context()
    params = context["params"]
    with airflow_failures("seed_mysql"):
        path = data_file if data_file is not None else render_data_file(params["data_file"], context)
        return steps.seed_mysql(Path(folder), path or None, params["allow_rejects"])


def render_data_file(template: str, context: Context) -> str:
    """A template inside a param, which Airflow itself does not render: the daily reload's file by the logical date."""
    try:
        rendered: str = context["task"].render_template(template, context)
    except UndefinedError as error:
        raise DataFileError(
            f"data_file {template!r}: {error}; a run without a logical date has no day; give it one, or name a file"
        ) from None
    return rendered


@task
def preflight_cdc(folder: str) -> list[str]:
    """Checks what reading the binlog needs; each failure says how to mend it."""
    from infra.orchestration import steps

    with airflow_failures("preflight_cdc"):
        return steps.preflight_cdc(Path(folder))


@task
def create_configmaps(folder: str) -> list[str]:
    """Stages the script bundle of every job by revision: a folder on `local`, a ConfigMap on `kubernetes`."""
    from infra.orchestration import steps

    with airflow_failures("create_configmaps"):
        return steps.create_configmaps(Path(folder), get_current_context()["params"]["target"])


@task
def check_jobs_running(folder: str) -> list[str]:
    """A reload restarts nothing: a job that does not run is an error that names the deploy DAG."""
    from infra.orchestration import steps

    with airflow_failures("check_jobs_running"):
        return steps.check_jobs_running(Path(folder), get_current_context()["params"]["target"])


@task
def check_outputs(folder: str) -> dict[str, Any]:
    """Waits until every result topic agrees with the recomputation in the database, and reports."""
    from infra.orchestration import steps

    with airflow_failures("check_outputs"):
        return steps.check_outputs(Path(folder), get_current_context()["params"]["target"], CHECK_TIMEOUT_SECONDS)


@task(retries=0)
def load_spec(folder: str) -> None:
    """Fails with what is wrong with the spec."""
    with airflow_failures("load_spec"):
        load_pipeline(Path(folder))


def _target() -> Param:
    """What the settings say; SettingsError when that is no target."""
    target = load_settings().deployment.target
    return Param(target, type="string", enum=list(TARGETS), title="Target", description="Where the jobs run.")


def _common(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "description": pipeline.description,
        "start_date": START,
        "catchup": False,
        "max_active_runs": 1,
        "tags": list(pipeline.tags),
        "dagrun_timeout": timedelta(hours=1),
        "default_args": {**DEFAULTS, "owner": pipeline.owner},
        "render_template_as_native_obj": False,
    }


def _deploy_doc(pipeline: Pipeline) -> str:
    jobs = "\n".join(
        f"- `{job_name(pipeline, job)}` writes {', '.join(spec.writes)}" for job, spec in pipeline.jobs.items()
    )
    return f"""### Deploy {pipeline.name}
{pipeline.description}

Topics, seed, job scripts, jobs, health, and at the end every result topic compared with a recomputation
in the database. Every step is safe to repeat: what is as it should be says `unchanged` and is not touched.

{jobs}

Connections: {", ".join(f"`{name}`" for name in connection_ids(pipeline.name))}.
"""


def _reload_doc(pipeline: Pipeline) -> str:
    return f"""### Reload {pipeline.name}
Makes the table `{pipeline.source.mysql.table}` equal to the day's file while the jobs keep running, then checks
the outputs. It restarts nothing; deploy with `{pipeline.name}_deploy` first.
"""
