"""Whether a job is truly healthy: its state, a checkpoint since the submission, and no failure since that checkpoint.

A job that crash-loops shows RUNNING between two restarts, and a resource may say READY long before; neither is
believed.
"""

from __future__ import annotations

from infra.errors import JobFailedError, StateMismatchError
from infra.targets.base import JobState, JobStatus

RESTART_LOOP_FAILURES = 8
_MISMATCHES = (
    "Cannot map checkpoint/savepoint state",
    "StateMigrationException",
    "Failed to rollback to checkpoint/savepoint",
)


def waiting_for(job_name: str, revision: str, status: JobStatus) -> str | None:
    """What is still missing to be healthy; None when nothing is.

    StateMismatchError when the saved state does not fit, JobFailedError when the job will not become healthy by itself.
    """
    if status.state in (JobState.FAILED, JobState.STOPPED, JobState.MISSING):
        raise _failure(job_name, status)
    if status.revision is not None and status.revision != revision:
        return f"revision {revision}; {status.revision} is there"
    if status.failures >= RESTART_LOOP_FAILURES:
        raise JobFailedError(
            f"{job_name} is in a restart loop: {status.failures} failures since its last checkpoint, the last one: "
            f"{status.last_failure}; mend the cause and deploy again{_link(status)}"
        )
    if status.state is not JobState.RUNNING:
        return f"state RUNNING; it is {status.state}" + (
            f" after: {status.last_failure}" if status.last_failure else ""
        )
    if status.last_checkpoint_at <= status.submitted_at:
        return "its first checkpoint"
    if status.last_failure_at > status.last_checkpoint_at:
        return f"a checkpoint after its last failure: {status.last_failure}"
    return None


def state_mismatch(job_name: str, cause: str, state: str | None) -> StateMismatchError | None:
    """The error for a cause that means that the saved `state` does not fit; None for any other."""
    if not any(mismatch in cause for mismatch in _MISMATCHES):
        return None
    return StateMismatchError(
        f"the saved state of {job_name} ({state}) does not fit its new revision: {cause}. "
        'Either undo the change, or start afresh by deploying with the parameter {"start_from": "scratch"}: '
        "it empties the topics that the job writes and builds them again"
    )


def _failure(job_name: str, status: JobStatus) -> JobFailedError | StateMismatchError:
    cause = status.last_failure or "no exception was recorded"
    mismatch = state_mismatch(job_name, cause, status.restorable_state)
    if mismatch:
        return mismatch
    if status.state is JobState.MISSING:
        return JobFailedError(f"{job_name} does not run: the platform knows no such job; deploy the pipeline")
    return JobFailedError(f"{job_name} is {status.state}: {cause}{_link(status)}")


def _link(status: JobStatus) -> str:
    return f"; see {status.url}" if status.url else ""
