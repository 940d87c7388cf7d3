"""The jobs of a pipeline on the target of a DAG run: their desired state, their status, and a description."""

from __future__ import annotations

from infra.endpoints import KafkaEndpoint
from infra.errors import PlatformError
from infra.jobs.job import JobSpec, JobState, JobStatus
from infra.jobs.render import render_job
from infra.jobs.target import Target
from infra.kafka.lag import group_lag
from infra.orchestration.connections import connect_to_kubernetes, kafka_endpoint_for_jobs, mysql_endpoint_for_jobs
from infra.pipeline import Pipeline
from infra.pipeline.naming import job_name
from infra.settings import load_settings
from infra.targets.registry import create_target


def target_named(name: str) -> Target:
    """Return the target of a DAG run; SettingsError lists the available ones."""
    return create_target(name, load_settings(), connect_to_kubernetes)


def job_spec(pipeline: Pipeline, job: str, target: Target) -> JobSpec:
    """Return the desired state of one job, with the addresses at which the job reaches the systems."""
    kafka, mysql = kafka_endpoint_for_jobs(pipeline), mysql_endpoint_for_jobs(pipeline)
    return render_job(pipeline, job, kafka, mysql, target.secrets, target.image)


def job_statuses(pipeline: Pipeline, target: Target) -> dict[str, JobStatus]:
    """Return the status of every job by its name."""
    names = [job_name(pipeline.name, job) for job in pipeline.jobs]
    return {name: target.status(name) for name in names}


def dead_jobs(statuses: dict[str, JobStatus]) -> list[str]:
    """Return a phrase for each job that the cluster does not keep going."""
    return [f"{name} is {status.state}" for name, status in statuses.items() if not status.state.alive]


def describe_jobs(pipeline: Pipeline, target: Target, kafka: KafkaEndpoint) -> str:
    """Return state, lag and last failure of every job, for the message of another failure.

    A job whose status cannot be read is described as unknown, with the reason.
    """
    return "; ".join(_description(pipeline, job, target, kafka) for job in pipeline.jobs)


def _description(pipeline: Pipeline, job: str, target: Target, kafka: KafkaEndpoint) -> str:
    name, arguments = job_name(pipeline.name, job), pipeline.jobs[job].arguments
    try:
        status = target.status(name)
        lag = group_lag(kafka, arguments["consumer_group"]) if "consumer_group" in arguments else {}
    except PlatformError as error:
        return f"{name}: unknown ({error})"
    behind = "".join(f", {count} records behind on {topic}" for topic, count in lag.items())
    failed = status.last_failure and status.state is not JobState.RUNNING
    return f"{name} is {status.state}{behind}" + (f", last failure: {status.last_failure}" if failed else "")
