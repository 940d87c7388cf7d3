"""Bring a job to its revision on any target: first start, upgrade, recovery, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from infra.errors import PlatformError, WaitTimeoutError
from infra.jobs.job import Change, JobSpec, JobState, JobStatus
from infra.jobs.target import Target


@dataclass(frozen=True)
class Submission:
    """The change that a submission made; `str` is the log line."""

    change: Change
    detail: str

    def __str__(self) -> str:
        return f"{self.change}: {self.detail}"


class Step(StrEnum):
    """What brings a job to its revision."""

    NONE = "none"
    START = "start"
    RESTORE = "restore"
    UPGRADE = "upgrade"


def next_step(job: JobSpec, status: JobStatus) -> Step:
    """Return what brings the job to its revision, and change nothing.

    WaitTimeoutError if the job is just starting and does not report its revision or its id yet.
    """
    if status.state is JobState.STARTING and status.revision is None:
        raise WaitTimeoutError(
            f"{job.name} is STARTING and does not report its revision yet. Try again in a few seconds."
        )
    if status.state.alive and status.revision == job.revision:
        if status.job_id is None:
            raise WaitTimeoutError(
                f"{job.name} is {status.state} at revision {job.revision}, and does not have an id yet. "
                "Try again in a few seconds."
            )
        return Step.NONE
    if status.state.alive:
        return Step.UPGRADE
    return Step.RESTORE if status.restorable_state else Step.START


def ensure_running(target: Target, job: JobSpec) -> Submission:
    """Make the job run at its revision: do nothing, start it, upgrade it through a savepoint, or recover it.

    WaitTimeoutError if the job is just starting and does not report its revision or its id yet.
    """
    status = target.status(job.name)
    step = next_step(job, status)
    if step is Step.NONE:
        return Submission("unchanged", f"{job.name} runs revision {job.revision} as job {status.job_id}")
    if step is Step.UPGRADE:
        return _upgrade(target, job, status)
    job_id = target.submit(job, status.restorable_state)
    if step is Step.RESTORE:
        return Submission(
            "changed",
            f"{job.name} was {status.state}, runs again as job {job_id}, state from {status.restorable_state}",
        )
    return Submission("created", f"{job.name} at revision {job.revision} as job {job_id}")


def _upgrade(target: Target, job: JobSpec, status: JobStatus) -> Submission:
    savepoint = None if target.upgrades_in_place else _stop_for_upgrade(target, job, status)
    job_id = target.submit(job, savepoint)
    how = "through a savepoint" if target.upgrades_in_place else f"state from {savepoint}"
    return Submission("changed", f"{job.name} from {status.revision} to {job.revision} as job {job_id}, {how}")


def ensure_started_from_scratch(target: Target, job: JobSpec) -> Submission:
    """Start the job without any job state; its output topics must be empty."""
    target.delete(job.name)
    target.ensure_scripts(job)
    job_id = target.submit(job)
    return Submission("created", f"{job.name} from scratch at revision {job.revision} as job {job_id}")


def _stop_for_upgrade(target: Target, job: JobSpec, status: JobStatus) -> str | None:
    """Stop the job with a savepoint; a job that keeps failing cannot take one, so its last checkpoint is returned."""
    try:
        return target.stop(job.name, savepoint=True)
    except PlatformError:
        if not status.failures:
            raise
        target.stop(job.name, savepoint=False)
        return target.status(job.name).restorable_state
