"""The steps of a deployment as functions of a pipeline's folder: endpoints from connections, a log line a change.

The tasks in `dags.py` import this module only when they run, so that parsing a DAG file loads no client.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from infra.checks.conservation import check_conservation as check_outcomes
from infra.checks.outputs import check_outputs as check_topics
from infra.errors import DefinitionError, JobFailedError, PlatformError
from infra.kafka.lag import group_lag
from infra.kafka.publish import publish_records as publish_lines
from infra.kafka.republish import republish
from infra.kafka.topics import ensure_topics
from infra.kafka.writer import clear_tables
from infra.mysql.preflight import check_cdc_ready
from infra.mysql.schema import ensure_schema
from infra.mysql.seed import seed_table
from infra.orchestration.connections import as_jobs_see, brokers_as_jobs_see, kafka_of, mysql_of
from infra.orchestration.targets import target_named
from infra.pipeline import Pipeline, load_pipeline, load_valid_pipelines
from infra.settings import load_settings
from infra.targets.base import JobDeployment, JobState, JobStatus, Target
from infra.targets.deployment import ensure_running, ensure_started_afresh
from infra.targets.render import job_name, render_job

log = logging.getLogger("infra.steps")


def provision_topics(folder: Path) -> list[str]:
    """Brings the pipeline's topics to their spec."""
    pipeline = load_pipeline(folder)
    return _say("provision_topics", [str(plan) for plan in ensure_topics(kafka_of(pipeline), pipeline.topics)])


def seed_mysql(folder: Path, data_file: str | None, allow_rejects: bool) -> list[str]:
    """Applies the schema and makes the table equal to the data file; its path is relative to the spec."""
    pipeline = load_pipeline(folder)
    source = pipeline.mysql
    endpoint = mysql_of(pipeline, "application")
    path = pipeline.path(data_file or source.data)
    rejects = load_settings().state_dir / "rejects" / f"{pipeline.name}.csv"
    rejects.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"table {source.table}: {ensure_schema(endpoint, pipeline.path(source.schema_file), source.table)}"]
    report = seed_table(endpoint, source.table, path, rejects, allow_rejects)
    lines.append(f"rows of {path.name}: {report}" + (f"; rejected ones in {rejects}" if report.rejected else ""))
    return _say("seed_mysql", lines)


def publish_records(folder: Path, data_file: str | None, allow_rejects: bool) -> list[str]:
    """Makes the source topic hold every line of the data file; its path is relative to the spec."""
    pipeline = load_pipeline(folder)
    path = pipeline.path(data_file or pipeline.feed.data)
    report = publish_lines(kafka_of(pipeline), pipeline.feed, path, allow_rejects)
    return _say("publish_records", [f"{path.name} on {pipeline.feed.topic}: {report}"])


def preflight_cdc(folder: Path) -> list[str]:
    """Whether the database is ready to be read as a changelog."""
    pipeline = load_pipeline(folder)
    source = pipeline.mysql
    others = server_ids_of_others(folder)
    lines = check_cdc_ready(mysql_of(pipeline, "cdc"), source.database, source.table, source.server_ids, others)
    passed = [line for line in lines if line.startswith("ok ")]
    _say("preflight_cdc", [f"{len(passed)} checks passed", *(line for line in lines if line not in passed)])
    return lines


def create_configmaps(folder: Path, target: str) -> list[str]:
    """Puts the script bundle of every job's revision where the target's jobs find it."""
    pipeline = load_pipeline(folder)
    place = target_named(target)
    jobs = [_deployment(pipeline, name, place) for name in pipeline.jobs]
    return _say(
        "create_configmaps", [f"{job.name} revision {job.revision}: {place.ensure_scripts(job)}" for job in jobs]
    )


def submit_job(folder: Path, job: str, target: str, start_from: str) -> dict[str, Any]:
    """Makes one job run at its revision; `scratch` empties what it writes and starts it without state."""
    pipeline = load_pipeline(folder)
    place = target_named(target)
    deployment = _deployment(pipeline, job, place)
    if start_from == "scratch":
        place.stop(deployment.name, savepoint=False)
        compacted = [topic for topic in pipeline.jobs[job].writes if pipeline.topics[topic].cleanup_policy == "compact"]
        _say(f"submit_{job}", [f"{clear_tables(kafka_of(pipeline), compacted)} keys of its topics: deleted"])
        outcome = ensure_started_afresh(place, deployment)
    else:
        outcome = ensure_running(place, deployment)
    _say(f"submit_{job}", [str(outcome)])
    return {"revision": deployment.revision, "url": place.status(deployment.name).url, "change": outcome.change}


def check_outputs(folder: Path, target: str, timeout_seconds: float) -> dict[str, Any]:
    """Compares every result topic with the recomputation; the report is what Airflow shows."""
    pipeline = load_pipeline(folder)
    kafka = kafka_of(pipeline)

    def dead_jobs() -> list[str]:
        return _dead(_statuses(pipeline, target))

    def situation() -> str:
        return "; ".join(_situation(pipeline, kafka, target))

    reader = mysql_of(pipeline, "reader") if pipeline.source.mysql else None
    report = check_topics(pipeline, reader, kafka, dead_jobs, situation, timeout_seconds)
    _say("check_outputs", [str(report)])
    return {"rows": report.rows, "records": report.records, "seconds": round(report.seconds, 1)}


def check_conservation(folder: Path, timeout_seconds: float) -> dict[str, int]:
    """Whether every record of the source topic has one outcome; the numbers by outcome are what Airflow shows."""
    pipeline = load_pipeline(folder)
    if pipeline.conservation is None:
        raise DefinitionError(f"pipeline {pipeline.name} has no conservation; add it to its spec")
    report = check_outcomes(pipeline, pipeline.conservation, kafka_of(pipeline), timeout_seconds)
    _say("check_conservation", report.lines())
    return report.outcomes


def republish_quarantine(folder: Path, where: str | None, mapping: str | None) -> list[str]:
    """Publishes quarantined records again to the topics that they came from."""
    pipeline = load_pipeline(folder)
    if pipeline.quarantine is None:
        raise DefinitionError(f"pipeline {pipeline.name} has no quarantine; name its topic in the spec")
    report = republish(kafka_of(pipeline), pipeline.quarantine, where, mapping)
    return _say("republish_quarantine", [f"{pipeline.quarantine}: {report}"])


def check_jobs_running(folder: Path, target: str) -> list[str]:
    """Every job of the pipeline runs; JobFailedError names the DAG that deploys it."""
    pipeline = load_pipeline(folder)
    statuses = _statuses(pipeline, target)
    dead = _dead(statuses)
    if dead:
        raise JobFailedError(f"{'; '.join(dead)}; a reload restarts nothing: run the DAG {pipeline.name}_deploy first")
    return _say(
        "check_jobs_running",
        [f"{name}: {status.state}, revision {status.revision}" for name, status in statuses.items()],
    )


def server_ids_of_others(folder: Path) -> dict[str, str]:
    """By pipeline; one with a broken spec runs nothing, and takes no ids."""
    others = [pipeline for pipeline in load_valid_pipelines(folder.parent) if pipeline.folder != folder]
    return {pipeline.name: pipeline.mysql.server_ids for pipeline in others if pipeline.source.mysql}


def _deployment(pipeline: Pipeline, job: str, place: Target) -> JobDeployment:
    database = as_jobs_see(mysql_of(pipeline, "cdc"), pipeline) if pipeline.source.mysql else None
    return render_job(pipeline, job, brokers_as_jobs_see(pipeline), database, place.image)


def _statuses(pipeline: Pipeline, target: str) -> dict[str, JobStatus]:
    place = target_named(target)
    return {name: place.status(name) for name in (job_name(pipeline, job) for job in pipeline.jobs)}


def _dead(statuses: dict[str, JobStatus]) -> list[str]:
    """Those that nothing keeps going."""
    return [f"{name} is {status.state}" for name, status in statuses.items() if not status.state.alive]


def _situation(pipeline: Pipeline, kafka: Any, target: str) -> list[str]:
    """One sentence for each job; what cannot be asked is said, since this goes into the message of another failure."""
    lines = []
    for job, spec in pipeline.jobs.items():
        name = job_name(pipeline, job)
        try:
            status = target_named(target).status(name)
            lag = group_lag(kafka, spec.arguments["consumer_group"]) if "consumer_group" in spec.arguments else {}
        except PlatformError as error:
            lines.append(f"{name}: unknown ({error})")
            continue
        failure = (
            f", last failure: {status.last_failure}"
            if status.last_failure and status.state is not JobState.RUNNING
            else ""
        )
        behind = "".join(f", {count} records behind on {topic}" for topic, count in lag.items())
        lines.append(f"{name} is {status.state}{behind}{failure}")
    return lines


def _say(step: str, lines: list[str]) -> list[str]:
    for line in lines:
        log.info("%s: %s", step, line)
    return lines
