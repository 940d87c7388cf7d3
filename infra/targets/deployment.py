"""Bringing a job to its wanted revision on any target."""

from __future__ import annotations

from dataclasses import dataclass

from infra.errors import PlatformError, StillWaitingError
from infra.targets.base import Change, JobDeployment, JobState, JobStatus, Target


@dataclass(frozen=True)
class Outcome:
    """What `ensure_running` did, in the words of its log line."""

    change: Change
    detail: str

    def __str__(self) -> str:
        return f"{self.change}: {self.detail}"


def ensure_running(target: Target, job: JobDeployment) -> Outcome:
    """Makes the job run at its revision: nothing, a first start, an upgrade through a savepoint, or a recovery.

    StillWaitingError when the job starts just now and does not say its revision yet.
    """
    status = target.status(job.name)
    if status.state is JobState.STARTING and status.revision is None:
        raise StillWaitingError(f"{job.name} is STARTING and does not say its revision yet; try again in some seconds")
    if status.state.alive and status.revision == job.revision:
        return Outcome("unchanged", f"{job.name} runs revision {job.revision} as job {status.job_id}")
    if status.state.alive and target.upgrades_in_place:
        job_id = target.submit(job)
        return Outcome(
            "changed", f"{job.name} from {status.revision} to {job.revision} as job {job_id}, by a savepoint"
        )
    if status.state.alive:
        savepoint = _stop_for_upgrade(target, job, status)
        job_id = target.submit(job, savepoint)
        return Outcome(
            "changed", f"{job.name} from {status.revision} to {job.revision} as job {job_id}, state from {savepoint}"
        )
    job_id = target.submit(job, status.restorable_state)
    if status.restorable_state:
        return Outcome(
            "changed",
            f"{job.name} was {status.state}, runs again as job {job_id}, state from {status.restorable_state}",
        )
    return Outcome("created", f"{job.name} at revision {job.revision} as job {job_id}")


def ensure_started_afresh(target: Target, job: JobDeployment) -> Outcome:
    """Starts the job without any saved state; its output topics must have been emptied by then."""
    target.delete(job.name)
    target.ensure_scripts(job)
    job_id = target.submit(job)
    return Outcome("created", f"{job.name} afresh at revision {job.revision} as job {job_id}")


def _stop_for_upgrade(target: Target, job: JobDeployment, status: JobStatus) -> str | None:
    """A job that fails all the time takes no savepoint; then its last checkpoint is the newest state there is."""
    try:
        return target.stop(job.name, savepoint=True)
    except PlatformError:
        if not status.failures:
            raise
        target.stop(job.name, savepoint=False)
        return target.status(job.name).restorable_state
