"""The Airflow DAG `<pipeline>_deploy` of every pipeline, which is a folder of flink_jobs/.

    plan_deployment ── wait_for_other_runs ── preflight_capacity
    ├── provision_topics
    ├── seed_mysql ── preflight_cdc
    └── create_configmaps
        then for each job     submit_<job> ── wait_for_<job>
        then                  check_outputs ── audit_records

With the param `plan_only`, the first task reports what the run would do, and skips the others. Without it, it does
nothing.

A pipeline that starts from a topic has `publish_records` after `provision_topics` instead of the two MySQL tasks. A
pipeline that only reads its source, because its definition has no seed, has neither `seed_mysql` nor
`publish_records`, and no daily reload to wait for. If it captures tables, `preflight_cdc` finds them, and is before
`provision_topics` and `create_configmaps`. A job starts when the jobs that its definition lists under `after`
are healthy.
"""

from pathlib import Path

from airflow.sdk import DAG, Param, TaskGroup, chain

from infra.errors import DefinitionError
from infra.orchestration import tasks
from infra.orchestration.dag_arguments import (
    ADOPT_TABLE,
    ALLOW_DELETIONS,
    ALLOW_REJECTS,
    JOB_TIMEOUT,
    PLAN_ONLY,
    broken_dag,
    dag_arguments,
    data_file_description,
    target_param,
)
from infra.orchestration.operators import SubmitJobOperator, WaitForJobOperator
from infra.pipeline import Pipeline, find_pipelines, load_pipeline
from infra.pipeline.naming import connection_ids, job_name

DATA_FILE = "{{ params.get('data_file') or '' }}"


def deploy_dag(pipeline: Pipeline) -> DAG:
    """Return the DAG: topics, data, job scripts, jobs, their health, and finally the checks of results and records."""
    folder = str(pipeline.folder)
    with DAG(
        dag_id=f"{pipeline.name}_deploy",
        schedule=None,
        is_paused_upon_creation=False,
        doc_md=describe(pipeline),
        params={
            "target": target_param(),
            **seed_params(pipeline),
            "start_from": Param(
                "latest_state",
                type="string",
                enum=["latest_state", "scratch"],
                title="Start from",
                description="scratch: delete the job state, empty the jobs' topics, and build everything again.",
            ),
            "plan_only": PLAN_ONLY,
        },
        **dag_arguments(pipeline),
    ) as dag:
        planned, large_enough = tasks.plan_deployment(folder, DATA_FILE), tasks.preflight_capacity(folder, DATA_FILE)
        topics = tasks.provision_topics(folder)
        scripts = tasks.create_configmaps(folder)
        large_enough >> [topics, scripts]
        prepared = [topics, scripts]
        waited = []
        if pipeline.source.seed:
            waited.append(tasks.wait_for_other_runs(f"{pipeline.name}_daily_reload", gives_way=False))
        chain(planned, *waited, large_enough)
        if pipeline.source.mysql:
            capture_ready = tasks.preflight_cdc(folder)
            seeded = [tasks.seed_mysql(folder, DATA_FILE)] if pipeline.source.seed else []
            chain(large_enough, *seeded, capture_ready)
            prepared.append(capture_ready)
            if pipeline.source.mysql.tables:  # their topics and keys are known when the tables have been found
                capture_ready >> [topics, scripts]
        elif pipeline.source.seed:
            published = tasks.publish_records(folder, DATA_FILE)
            topics >> published
            prepared.append(published)

        healthy: dict[str, WaitForJobOperator] = {}
        for job, definition in pipeline.jobs.items():
            name = job_name(pipeline.name, job)
            with TaskGroup(job, prefix_group_id=False, tooltip=f"The Flink job {name}"):
                submitted = SubmitJobOperator(
                    task_id=f"submit_{job}",
                    folder=folder,
                    job=job,
                    target="{{ params.target }}",
                    start_from="{{ params.start_from }}",
                    doc_md=f"Make `{name}` run at its revision; a changed revision starts from a savepoint.",
                )
                healthy[job] = WaitForJobOperator(
                    task_id=f"wait_for_{job}",
                    job_name=name,
                    revision=f"{{{{ ti.xcom_pull(task_ids='submit_{job}')['revision'] }}}}",
                    target="{{ params.target }}",
                    timeout=JOB_TIMEOUT,
                    doc_md="Healthy: RUNNING at its revision, a checkpoint since its start, no crash loop.",
                )
                submitted >> healthy[job]
            [*prepared, *(healthy[other] for other in definition.after)] >> submitted

        checked = tasks.check_outputs.override(
            outlets=[tasks.result_asset(pipeline, topic) for topic in pipeline.checks]
        )
        chain(list(healthy.values()), checked(folder), *([tasks.audit_records(folder)] if pipeline.audit else []))
    return dag


def seed_params(pipeline: Pipeline) -> dict[str, Param]:
    """Return the params about the files that a run loads; none for a pipeline that only reads its source."""
    if pipeline.source.seed is None:
        return {}
    data_file = Param(
        None,
        type=["null", "string"],
        title="Data file",
        description=f"{data_file_description(pipeline)}. Empty: the pipeline's {pipeline.source.seed.data}.",
    )
    of_table = {"allow_deletions": ALLOW_DELETIONS, "adopt_table": ADOPT_TABLE} if pipeline.source.mysql else {}
    return {"data_file": data_file, "allow_rejects": ALLOW_REJECTS, **of_table}


def describe(pipeline: Pipeline) -> str:
    """Return the DAG's documentation for the UI."""
    jobs = "\n".join(
        f"- `{job_name(pipeline.name, job)}` writes {', '.join([*captured_topics(pipeline, job), *definition.writes])}"
        for job, definition in pipeline.jobs.items()
    )
    has_database, is_seeded = pipeline.source.mysql is not None, pipeline.source.seed is not None
    connections = connection_ids(pipeline.name, has_database, is_seeded)
    return f"""### Deploy {pipeline.name}
{pipeline.description}

It creates topics, {"loads data" if is_seeded else "only reads its source"}, stores job scripts, starts jobs, waits
until they are healthy, and compares every result topic with a recomputation from the source. Every step is safe to
repeat, and reports `unchanged` if there is nothing to do.

{jobs}

Connections: {", ".join(f"`{name}`" for name in connections)}.
"""


def captured_topics(pipeline: Pipeline, job: str) -> list[str]:
    """Return the patterns of the topics that a job writes for captured tables."""
    source = pipeline.source.mysql
    if source is None or source.topics is None or "mysql" not in pipeline.jobs[job].uses:
        return []
    return [f"{source.topics.prefix}{pattern}" for pattern in source.tables]


for folder in find_pipelines(Path(__file__).resolve().parent.parent / "flink_jobs"):
    try:
        globals()[f"{folder.name}_deploy"] = deploy_dag(load_pipeline(folder))
    except DefinitionError as error:
        globals()[f"{folder.name}_deploy"] = broken_dag(folder, "deploy", error)
