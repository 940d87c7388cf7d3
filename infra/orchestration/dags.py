"""The two DAGs of a pipeline, made from its spec. No client is loaded and no system is asked while they are parsed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import DAG, Asset, Param
from airflow.sdk.bases.operator import chain

from infra.orchestration import tasks
from infra.orchestration.connections import connection_ids
from infra.orchestration.operators import SubmitJobOperator, WaitForJobOperator
from infra.orchestration.targets import TARGETS
from infra.pipeline import Pipeline, load_pipeline, load_valid_pipelines
from infra.settings import load_settings
from infra.targets.render import job_name

START = pendulum.datetime(2026, 1, 1, tz="UTC")
JOB_TIMEOUT = timedelta(minutes=10)
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
    description="Load the file even when it has bad rows: they are listed in the rejects file of a table, and a topic "
    "takes them for the quarantine.",
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
                description=f"{_what_is_loaded(pipeline)}; empty: the pipeline's {pipeline.source.files.data}.",
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
        provisioned = tasks.provision_topics(str(folder))
        loaded = _load(pipeline, folder, "{{ params.data_file or '' }}")
        staged = tasks.create_configmaps(str(folder))
        if pipeline.source.kafka:
            provisioned >> loaded
            ready = loaded
        else:
            ready = tasks.preflight_cdc(str(folder))
            loaded >> ready
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
        chain(list(healthy.values()), *_checks(pipeline, folder))
    return dag


def reload_dag(folder: Path) -> DAG:
    """`<pipeline>_daily_reload`: the source gets the day's file while the jobs keep running."""
    pipeline = load_pipeline(folder)
    with DAG(
        dag_id=f"{pipeline.name}_daily_reload",
        schedule="@daily",
        is_paused_upon_creation=True,  # there is a file for each day from the day on that somebody says so
        doc_md=_reload_doc(pipeline),
        params={
            "target": _target(),
            "data_file": Param(
                pipeline.source.files.daily_data,
                type="string",
                minLength=1,
                title="Data file",
                description="The day's file, by a template with the logical date; relative to the pipeline's folder.",
            ),
            "allow_rejects": ALLOW_REJECTS,
        },
        **_common(pipeline),
    ) as dag:
        chain(tasks.check_jobs_running(str(folder)), _load(pipeline, folder, None), *_checks(pipeline, folder))
    return dag


def republish_dag(root: Path) -> DAG:
    """`republish_quarantine`: after a mend, records go from a pipeline's quarantine back to their source, once."""
    names = [pipeline.name for pipeline in load_valid_pipelines(root) if pipeline.quarantine]
    with DAG(
        dag_id="republish_quarantine",
        schedule=None,
        start_date=START,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        description="Publish quarantined records again to the topics that they came from.",
        doc_md=_REPUBLISH_DOC,
        tags=["quarantine"],
        dagrun_timeout=timedelta(hours=1),
        default_args={**DEFAULTS, "owner": "data-platform"},
        params={
            "pipeline": Param(type="string", enum=names, title="Pipeline", description="Whose quarantine."),
            "filter": Param(
                None,
                type=["null", "string"],
                title="Filter",
                description="JMESPath over an entry, such as reason == 'data is not a list'; empty: all of them.",
            ),
            "mapping": Param(
                None,
                type=["null", "string"],
                title="Mapping",
                description="JMESPath that makes the new value, such as {type: value.type, data: [value.data]}; "
                "empty: the record as it was.",
            ),
        },
    ) as dag:
        tasks.republish_quarantine(str(root))
    return dag


def broken_dag(folder: Path, kind: str, error: Exception) -> DAG:
    """Stands in for a DAG of a pipeline with a wrong spec, so that the others keep theirs; its run says why."""
    with DAG(
        dag_id=f"{folder.name}_{kind}",
        schedule=None,
        start_date=START,
        tags=["broken-definition"],
        doc_md=f"```\n{error}\n```",
    ) as dag:
        tasks.load_definition(str(folder))
    return dag


def _load(pipeline: Pipeline, folder: Path, data_file: str | None) -> Any:
    """The step that brings a file to the source; None is the day's file."""
    load = tasks.publish_records if pipeline.source.kafka else tasks.seed_mysql
    return load(str(folder), data_file)


def _checks(pipeline: Pipeline, folder: Path) -> list[Any]:
    """`check_outputs` has the result topics as outlets: who waits for one waits for checked data."""
    outlets = [
        Asset(name=topic, uri=f"kafka://{pipeline.name}_kafka/{topic}", group=pipeline.name)
        for topic in pipeline.checks
    ]
    checks = [tasks.check_outputs.override(outlets=outlets)(str(folder))]
    return [*checks, tasks.check_conservation(str(folder))] if pipeline.conservation else checks


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


_REPUBLISH_DOC = """### Republish quarantined records
Takes the entries of a pipeline's quarantine that the filter selects and sends their records back to the topic that they
came from, each once, with the time that they had. What is still bad comes back to the quarantine with one attempt more.

An entry, for the filter and the mapping: `source_topic`, `source_partition`, `source_offset`, `position` (of a bad
element, else null), `reason`, `attempts`, `key` and `value` (JSON where they are, else text). See https://jmespath.org.
"""


def _deploy_doc(pipeline: Pipeline) -> str:
    jobs = "\n".join(
        f"- `{job_name(pipeline, job)}` writes {', '.join(spec.writes)}" for job, spec in pipeline.jobs.items()
    )
    return f"""### Deploy {pipeline.name}
{pipeline.description}

Topics, data, job scripts, jobs, health, and at the end every result topic compared with a recomputation
from the source. Every step is safe to repeat: what is as it should be says `unchanged` and is not touched.

{jobs}

Connections: {", ".join(f"`{name}`" for name in connection_ids(pipeline))}.
"""


def _reload_doc(pipeline: Pipeline) -> str:
    return f"""### Reload {pipeline.name}
{_what_is_loaded(pipeline)}: the day's file, while the jobs keep running; then checks the outputs. It restarts
nothing; deploy with `{pipeline.name}_deploy` first.
"""


def _what_is_loaded(pipeline: Pipeline) -> str:
    if pipeline.source.kafka:
        return f"JSON lines that are published to the topic `{pipeline.feed.topic}`, each once"
    return f"CSV that the table `{pipeline.mysql.table}` becomes equal to"
