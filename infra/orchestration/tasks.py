"""The tasks of the DAGs. Each is one call into the layers below, and imports clients only when it runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from airflow.sdk import Asset, get_current_context, task

from infra.errors import DefinitionError, JobFailedError
from infra.orchestration.captured_tables import remember_tables, with_tables_of_run
from infra.orchestration.data_files import checked_file, daily_file
from infra.orchestration.failures import progress_of, report
from infra.pipeline import Pipeline, TableCheck, load_pipeline
from infra.pipeline.naming import reload_topic

P = ParamSpec("P")
OTHER_RUNS_TIMEOUT_SECONDS = 1800
RELOAD_TIMEOUT_SECONDS = 3000
_BEFORE_TABLES = {"preflight_capacity", "preflight_cdc", "preflight_reload"}
_WAITING_STATES = ["null", "scheduled", "queued", "up_for_reschedule", "up_for_retry"]


def pipeline_task(function: Callable[Concatenate[Pipeline, P], Any]) -> Any:
    """Return a task that is called with a pipeline's folder, and calls `function` with the loaded pipeline.

    The tasks after `preflight_cdc` get it with the topics and checks of its captured tables.
    """

    def run(folder: str, *arguments: Any) -> Any:
        pipeline = load_pipeline(Path(folder))
        if function.__name__ not in _BEFORE_TABLES:
            pipeline = with_tables_of_run(pipeline, get_current_context())
        return function(pipeline, *arguments)  # type: ignore[call-arg]

    run.__name__, run.__doc__, run.__module__ = function.__name__, function.__doc__, function.__module__
    return task(run)


@task.sensor(mode="reschedule", poke_interval=10, timeout=OTHER_RUNS_TIMEOUT_SECONDS)
def wait_for_other_runs(other_dag_id: str, gives_way: bool) -> bool:
    """Wait until no run of the pipeline's other DAG is active, so that a deployment and a reload never overlap.

    If two runs start together, the one that `gives_way` waits. A run of `airflow dags test` that was killed stays
    "running" in Airflow's database: mark it as failed in the UI.
    """
    ti = get_current_context()["ti"]
    active = ti.get_dr_count(dag_id=other_dag_id, states=["running"])
    if active and not gives_way:
        active -= ti.get_ti_count(dag_id=other_dag_id, task_ids=["wait_for_other_runs"], states=_WAITING_STATES)
    if active > 0:
        line = f"waiting for an active run of {other_dag_id} to end; mark it as failed if it was killed"
        report("wait_for_other_runs", [line])
    return active <= 0


@task.short_circuit
def plan_deployment(folder: str, data_file: str) -> bool:
    """With `plan_only`, log what this run would create, change, leave or refuse, and skip the rest; else do nothing.

    The plan is also the XCom `plan`. A plan with a refusal fails the run, as the deployment would.
    """
    from infra.orchestration.plan import plan_of_run, raise_refusals

    context = get_current_context()
    if not context["params"]["plan_only"]:
        return True
    pipeline = load_pipeline(Path(folder))
    capacity = partial(_capacity, pipeline, data_file)
    plan = plan_of_run(pipeline, context["params"], lambda: _data_file(pipeline, data_file)[0], capacity)
    report("plan_deployment", plan.lines())
    context["ti"].xcom_push(key="plan", value=plan.document())
    raise_refusals(plan)
    return False


@pipeline_task
def preflight_capacity(pipeline: Pipeline, data_file: str | None) -> list[str]:
    """Check, before anything is created, that the target can run jobs, and is large enough for the source.

    On `kubernetes` an operator must be there that supports them; `local` must have the disk and the memory.
    """
    return report("preflight_capacity", _capacity(pipeline, data_file))


@pipeline_task
def provision_topics(pipeline: Pipeline) -> list[str]:
    """Create the pipeline's topics, or change them to match their definition; never delete one."""
    from infra.kafka.topics import ensure_topics
    from infra.orchestration.connections import kafka_endpoint

    return report("provision_topics", [str(plan) for plan in ensure_topics(kafka_endpoint(pipeline), pipeline.topics)])


@pipeline_task
def seed_mysql(pipeline: Pipeline, data_file: str | None) -> list[str]:
    """Create the table if it is missing, and make it equal to the data file with the fewest changes.

    Rows that the data file does not have are deleted, at most the share of the table that the definition allows, unless
    `allow_deletions` is set. All changes are one transaction. A table that the platform did not create is not changed,
    unless `adopt_table` is set.
    """
    from infra.mysql.connection import connect
    from infra.mysql.schema import ensure_schema
    from infra.mysql.seed import seed_table
    from infra.mysql.seeded_tables import record_table, why_foreign
    from infra.orchestration.connections import mysql_endpoint
    from infra.settings import load_settings

    name, seed, endpoint = pipeline.source_table, pipeline.table_seed, mysql_endpoint(pipeline, "owner")
    params = _params()
    path, allow_rejects = _data_file(pipeline, data_file)
    rejects = load_settings().data_dir / "rejects" / f"{pipeline.name}.csv"
    rejects.parent.mkdir(parents=True, exist_ok=True)
    table = ensure_schema(endpoint, pipeline.path(seed.schema_file), name, pipeline.name)
    with connect(endpoint) as connection:
        foreign = why_foreign(connection, name, pipeline.name)
    adopted = bool(foreign and params.get("adopt_table"))
    most = 100 if params["allow_deletions"] else seed.max_deleted_percent
    seeded = seed_table(
        endpoint, name, path, rejects, allow_rejects, progress_of("seed_mysql"), most,
        foreign=None if adopted else foreign,
    )  # fmt: skip
    if adopted:
        record_table(endpoint, name, pipeline.name)
        table += "; adopted, so that later runs seed it"
    rejected = f"; rejected rows are listed in {rejects}" if seeded.rejected else ""
    return report("seed_mysql", [f"table {name}: {table}", f"rows of {path.name}: {seeded}{rejected}"])


@pipeline_task
def publish_records(pipeline: Pipeline, data_file: str | None) -> list[str]:
    """Publish every line of the data file to the source topic, each once."""
    from infra.kafka import publish
    from infra.orchestration.connections import kafka_endpoint

    path, allow_rejects = _data_file(pipeline, data_file)
    topic, key = pipeline.kafka_source.topic, pipeline.topic_seed.key
    reported = progress_of("publish_records")
    published = publish.publish_records(kafka_endpoint(pipeline), topic, key, path, allow_rejects, reported)
    return report("publish_records", [f"{path.name} on {topic}: {published}"])


@pipeline_task
def preflight_cdc(pipeline: Pipeline) -> list[str]:
    """Check everything that change data capture requires of the database; each error names its fix."""
    from infra.mysql.preflight_source import check_source_ready
    from infra.orchestration.connections import mysql_endpoint

    ready = check_source_ready(pipeline, mysql_endpoint(pipeline, "cdc"))
    if ready.tables:
        remember_tables(get_current_context(), ready.tables)
    lines = list(ready.lines)
    passed = [line for line in lines if line.startswith("ok ")]
    captured = [line.removeprefix("ok ") for line in passed if line.startswith("ok table ")]
    unchecked = [line for line in lines if line not in passed]
    report("preflight_cdc", [f"{len(passed)} checks passed", *captured, *unchecked])
    return lines


@pipeline_task
def preflight_reload(pipeline: Pipeline) -> list[str]:
    """Check that the pipeline captures the table, and that the database accepts the condition."""
    from infra.mysql.connection import connect
    from infra.mysql.preflight_source import check_source_ready
    from infra.mysql.row_condition import check_condition
    from infra.orchestration.connections import mysql_endpoint

    source, cdc, params = pipeline.mysql_source, mysql_endpoint(pipeline, "cdc"), _params()
    name, where = params["table"], params["where"] or ""
    tables = check_source_ready(pipeline, cdc).tables
    found = [table for table in tables if table.name == name]
    if not found:
        names = ", ".join(table.name for table in tables)
        raise DefinitionError(f"table {name!r} is not captured by pipeline {pipeline.name}. Expected one of {names}.")
    if where:
        with connect(cdc) as connection:
            check_condition(connection, source.database, name, where)
    remember_tables(get_current_context(), tuple(found))
    return report("preflight_reload", [f"table {name}: {where or 'all rows'}"])


@pipeline_task
def reload_table(pipeline: Pipeline) -> list[str]:
    """Let the running job read a table again, and delete the rows of its topic that the table does not have.

    With a condition only the rows for which it is true are read, and no row is deleted.
    """
    from infra.checks.absent_rows import absent_keys
    from infra.kafka.reloads import await_reload, request_reload
    from infra.orchestration.connections import kafka_endpoint, mysql_endpoint
    from infra.orchestration.pipeline_jobs import dead_jobs, job_statuses, target_named
    from infra.settings import load_settings

    kafka, target, params = kafka_endpoint(pipeline), target_named(_params()["target"]), _params()
    table, where, requests = params["table"], params["where"] or "", reload_topic(pipeline.name)
    absent: list[bytes] = []
    if not where:
        [topic] = [name for name, check in pipeline.checks.items() if isinstance(check, TableCheck)]
        memory_mb = load_settings().checks.memory_mb
        absent = absent_keys(pipeline, topic, mysql_endpoint(pipeline, "reader"), kafka, memory_mb)
    request = request_reload(kafka, requests, table, where, absent)
    reloaded = await_reload(
        kafka, requests, request, RELOAD_TIMEOUT_SECONDS,
        lambda: dead_jobs(job_statuses(pipeline, target)), progress_of("reload_table"),
    )  # fmt: skip
    return report("reload_table", [f"table {table}: {reloaded}"])


@pipeline_task
def create_configmaps(pipeline: Pipeline) -> list[str]:
    """Store the job scripts of every job by revision: in a ConfigMap on `kubernetes`, else in a folder."""
    from infra.orchestration.pipeline_jobs import job_spec, target_named

    target = target_named(_params()["target"])
    jobs = [job_spec(pipeline, job, target) for job in pipeline.jobs]
    return report(
        "create_configmaps", [f"{job.name} revision {job.revision}: {target.ensure_scripts(job)}" for job in jobs]
    )


@pipeline_task
def check_jobs_running(pipeline: Pipeline) -> list[str]:
    """Check that every job runs. A reload does not restart jobs, so a dead job is an error."""
    from infra.orchestration.pipeline_jobs import dead_jobs, job_statuses, target_named

    statuses = job_statuses(pipeline, target_named(_params()["target"]))
    dead = dead_jobs(statuses)
    if dead:
        raise JobFailedError(
            f"{', '.join(dead)}. A reload does not restart jobs. Run the DAG {pipeline.name}_deploy first."
        )
    lines = [f"{name}: {status.state}, revision {status.revision}" for name, status in statuses.items()]
    return report("check_jobs_running", lines)


@pipeline_task
def check_outputs(pipeline: Pipeline) -> dict[str, Any]:
    """Wait until every result topic equals the recomputation from the source, and return the report.

    The asset of each topic gets an event with its number of rows, the position of the source, the revision of every job
    and the verdict.
    """
    from infra.checks import outputs
    from infra.orchestration.connections import kafka_endpoint, mysql_endpoint
    from infra.orchestration.pipeline_jobs import dead_jobs, describe_jobs, job_statuses, target_named
    from infra.orchestration.source_position import lost_changes, source_position
    from infra.settings import load_settings

    settings = load_settings()
    kafka, target = kafka_endpoint(pipeline), target_named(_params()["target"])
    position = source_position(pipeline, kafka)
    checked = outputs.check_outputs(
        pipeline,
        mysql_endpoint(pipeline, "reader") if pipeline.source.mysql else None,
        kafka,
        lambda: dead_jobs(job_statuses(pipeline, target)),
        lambda: "\n".join([describe_jobs(pipeline, target, kafka), *lost_changes(pipeline)]),
        work_dir=settings.checks_dir,
        memory_mb=settings.checks.memory_mb,
    )
    report("check_outputs", [str(checked)])
    revisions = {name: status.revision for name, status in job_statuses(pipeline, target).items()}
    facts: dict[str, Any] = {"verdict": "equal", "source_position": position, "revisions": revisions}
    for topic, rows in checked.rows.items():
        if isinstance(pipeline.checks[topic], TableCheck):
            continue  # the outlets of a task are those of its definition, which has patterns
        get_current_context()["outlet_events"][result_asset(pipeline, topic)].extra = {"rows": rows, **facts}
    return {"rows": checked.rows, "records": checked.records, "seconds": round(checked.seconds, 1), **facts}


@pipeline_task
def audit_records(pipeline: Pipeline) -> dict[str, int]:
    """Wait until every record of the audited topic is accounted for, and return the number of each disposition."""
    from infra.checks import audit
    from infra.orchestration.connections import kafka_endpoint
    from infra.settings import load_settings

    if pipeline.audit is None:
        raise DefinitionError(f"pipeline {pipeline.name}: audit is missing. Add it to pipeline.yaml.")
    settings = load_settings()
    audited = audit.audit_records(
        pipeline,
        pipeline.audit,
        kafka_endpoint(pipeline),
        work_dir=settings.checks_dir,
        memory_mb=settings.checks.memory_mb,
    )
    report("audit_records", audited.lines())
    return audited.dispositions


@task
def republish_quarantine(root: str) -> list[str]:
    """Send the selected quarantined records of a pipeline back to their source topic, each once."""
    from infra.kafka.republish import republish
    from infra.orchestration.connections import kafka_endpoint

    params = _params()
    pipeline = load_pipeline(Path(root) / params["pipeline"])
    if pipeline.quarantine is None:
        raise DefinitionError(f"pipeline {pipeline.name}: quarantine is missing. Name its topic in pipeline.yaml.")
    changelogs = {name for name, topic in pipeline.topics.items() if topic.cleanup_policy == "compact"}
    republished = republish(
        kafka_endpoint(pipeline), pipeline.quarantine, params["filter"], params["mapping"], changelogs
    )
    return report("republish_quarantine", [f"{pipeline.quarantine}: {republished}"])


@task(retries=0)
def load_definition(folder: str) -> None:
    """Fail with every error of the pipeline definition."""
    load_pipeline(Path(folder))


def result_asset(pipeline: Pipeline, topic: str) -> Asset:
    """Return the asset of a result topic; a DAG that is scheduled on it runs after each check of the topic."""
    return Asset(name=topic, uri=f"kafka://{pipeline.name}_kafka/{topic}", group=pipeline.name)


def _params() -> dict[str, Any]:
    return get_current_context()["params"]


def _data_file(pipeline: Pipeline, data_file: str | None) -> tuple[Path, bool]:
    """Return the file to load (None is the day's file, "" the pipeline's default), and whether rejects are allowed."""
    context = get_current_context()
    allow_rejects = context["params"]["allow_rejects"]
    if data_file is None:
        return daily_file(pipeline, context), allow_rejects
    path = checked_file(pipeline, data_file) if data_file else pipeline.path(pipeline.seed.data)
    return path, allow_rejects


def _capacity(pipeline: Pipeline, data_file: str | None) -> list[str]:
    """Check the target against the size of the source, and return a line for each fact."""
    from infra.orchestration.connections import connect_to_kubernetes, kafka_endpoint, mysql_endpoint
    from infra.planning import estimated_rows
    from infra.settings import load_settings
    from infra.targets.registry import check_capacity, check_target

    target, settings = _params()["target"], load_settings()
    ready = check_target(target, settings, connect_to_kubernetes)
    path = _data_file(pipeline, data_file)[0] if pipeline.source.seed else None
    reads_table = pipeline.source.mysql and not path
    reader = mysql_endpoint(pipeline, "reader") if reads_table else None
    kafka = kafka_endpoint(pipeline) if pipeline.source.kafka and not path else None
    name, rows = estimated_rows(pipeline, kafka, reader, path)
    return [*ready, f"{name}, about {rows:,} rows", *check_capacity(target, settings, rows, name)]
