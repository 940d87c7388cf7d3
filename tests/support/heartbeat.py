"""The heartbeat job of the target contract: small, stateful, and independent of Kafka and MySQL."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from infra.errors import PlatformError, TerminalError
from infra.jobs.health import missing_for_health
from infra.jobs.job import JobSpec, JobStatus
from infra.jobs.target import Target
from infra.settings import ROOT
from infra.waiting import wait_until

FILES = [*(Path(__file__).parent / "heartbeat_job").glob("*.*"), ROOT / "flink_jobs" / "shared" / "run_sql.py"]
# A statement that fails on its first record.
FAILING = b"INSERT INTO counts SELECT beat, COUNT(10 / (beat - beat)) FROM beats GROUP BY beat"
# A statement that fails in every fifth second, so that checkpoints are completed between two failures.
# The beat is in the division, because Flink reduces COUNT of what is never NULL to COUNT(*).
CRASHING = b"""
    INSERT INTO counts
    SELECT beat, COUNT(10 / MOD(beat - beat + EXTRACT(SECOND FROM LOCALTIMESTAMP), 5)) FROM beats GROUP BY beat"""
# Longer than the second in which the statement fails.
SLOW_RESTART = {"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.delay": "1200 ms"}
SLOW_RESTART |= {"restart-strategy.fixed-delay.attempts": "1000"}
NO_RESTART = {"restart-strategy.type": "none"}
SECONDS = 240.0


def heartbeat_job(image: str = "", **configuration: str) -> JobSpec:
    """Return the job under a name of its own."""
    return JobSpec(
        name=f"heartbeat.{os.urandom(4).hex()}",
        script="run_sql.py",
        files={path.name: path.read_bytes() for path in FILES},
        arguments={"least": "0"},
        configuration={"execution.checkpointing.interval": "500 ms", **configuration},
        parallelism=1,
        image=image,
    )


def changed_job(job: JobSpec) -> JobSpec:
    """Return the job with another revision, whose state fits."""
    return replace(job, arguments={"least": "1"})


def with_statement(job: JobSpec, statement: bytes, **configuration: str) -> JobSpec:
    """Return the job with another publishing statement."""
    files = {**job.files, "30_publish.sql": statement}
    return replace(job, files=files, configuration={**job.configuration, **configuration})


def submitted(target: Target, job: JobSpec) -> JobSpec:
    """Stage and submit the job."""
    target.ensure_scripts(job)
    target.submit(job)
    return job


def failure_of(target: Target, job: JobSpec, seconds: float = SECONDS) -> PlatformError:
    """Return the error that ends the wait for the job's health, as in the task `wait_for_<job>`."""

    def failed() -> PlatformError | None:
        try:
            missing_for_health(job.name, job.revision, target.status(job.name))
        except TerminalError as error:
            return error
        return None

    return wait_until(failed, f"{job.name} to fail", seconds, poll_seconds=0.5)


def healthy(target: Target, job: JobSpec) -> JobStatus | None:
    """Return the job's status if it is healthy."""
    status = target.status(job.name)
    return None if missing_for_health(job.name, job.revision, status) else status


def await_health(target: Target, job: JobSpec) -> JobStatus:
    """Wait until the job is healthy, and return its status."""
    return wait_until(
        lambda: healthy(target, job),
        f"{job.name} to be healthy",
        SECONDS,
        poll_seconds=0.5,
        hint=lambda: f"\nmissing: {missing_for_health(job.name, job.revision, target.status(job.name))}",
    )
