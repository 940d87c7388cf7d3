"""The health of a job: its state and revision, a recent checkpoint since the submission, and no crash loop.

A crash-looping job reports RUNNING between two restarts, and completes checkpoints if it lives longer than their
interval. A FlinkDeployment reports READY long before its job is healthy. So none of these alone counts, and a job that
has failed must stay without a failure for longer than it did before (`infra.jobs.stability`).
"""

from __future__ import annotations

from infra.errors import JobFailedError, JobMemoryError, StateMismatchError
from infra.jobs.job import JobState, JobStatus
from infra.jobs.stability import is_stable, longest_gap_seconds, loop_of, old_checkpoint_seconds, stable_seconds

RESTART_LOOP_FAILURES = 8
# Restarts with a checkpoint between them, after which a job is in a loop.
RESTART_LOOP_RESTARTS = 5
_MISMATCHES = (
    "Cannot map checkpoint/savepoint state",
    "StateMigrationException",
    "Failed to rollback to checkpoint/savepoint",
)
# The CDC connector fails with it if the server deleted binlog files before the job had read them.
_LOST_BINLOG = "no longer available on the server"


def missing_for_health(job_name: str, revision: str, status: JobStatus) -> str | None:
    """Return what is still missing for the job to be healthy; None if nothing is.

    StateMismatchError if the job state does not fit, JobMemoryError if the job ran out of memory, JobFailedError if it
    will not become healthy without help for another reason.
    """
    if status.state in (JobState.FAILED, JobState.STOPPED, JobState.MISSING):
        raise _failure(job_name, status)
    if status.revision != revision:
        return f"revision {revision} (it {f'has {status.revision}' if status.revision else 'does not report one yet'})"
    if status.out_of_memory:
        raise _memory_error(job_name, status)
    if status.failures and (lost := _lost_binlog(job_name, status)):
        raise lost
    if status.failures >= RESTART_LOOP_FAILURES:
        raise state_mismatch(job_name, status.last_failure or "", status.restorable_state) or JobFailedError(
            f"{job_name} is in a restart loop: {status.failures} failures since its last checkpoint, the last one: "
            f"{status.last_failure}. Fix the cause and deploy again{_link(status)}."
        )
    if not is_stable(status) and len(restarts := loop_of(status)) > RESTART_LOOP_RESTARTS:
        raise JobFailedError(
            f"{job_name} is in a restart loop: {len(restarts) - 1} restarts, the longest time between two of them was "
            f"{longest_gap_seconds(restarts):.0f} s, the last failure: {status.last_failure}. Fix the cause and deploy "
            f"again{_link(status)}."
        )
    if status.state is not JobState.RUNNING:
        cause = f" after: {status.last_failure}" if status.last_failure else ""
        return f"state RUNNING (it is {status.state}{cause})"
    return _missing_progress(status)


def _missing_progress(status: JobStatus) -> str | None:
    """Return what is missing of a job that runs: a recent checkpoint, or time without a failure."""
    if status.last_checkpoint_at <= status.submitted_at:
        return "its first checkpoint"
    if status.last_failure_at > status.last_checkpoint_at:
        return f"a checkpoint after its last failure: {status.last_failure}"
    old = old_checkpoint_seconds(status)
    if status.observed_at - status.last_checkpoint_at > old * 1000:
        return f"a checkpoint of the last {old:.0f} s"
    if not is_stable(status):
        return f"{stable_seconds(status):.0f} s without a failure, after its last one: {status.last_failure}"
    return None


def state_mismatch(job_name: str, cause: str, state: str | None) -> StateMismatchError | None:
    """Return the error if `cause` means that the job state `state` does not fit the job; None for any other cause."""
    if not any(mismatch in cause for mismatch in _MISMATCHES):
        return None
    return StateMismatchError(
        f"the job state of {job_name} ({state}) does not fit its new revision: {cause}. "
        'Undo the change, or deploy with the param {"start_from": "scratch"}, which empties the topics that the job '
        "writes and builds them again."
    )


def _lost_binlog(job_name: str, status: JobStatus) -> JobFailedError | None:
    """Return the error if the server no longer has the changes after the job's last position; None otherwise.

    A new snapshot alone would leave the rows on the topics that were deleted in the meantime, so all is built again.
    """
    if _LOST_BINLOG not in (status.last_failure or ""):
        return None
    return JobFailedError(
        f"{job_name} cannot continue: the server deleted binlog files before the job had read them. Its topics are "
        'unchanged. Deploy with the param {"start_from": "scratch"}, which empties the topics and reads the tables '
        "again. Keep binlog files for longer than a job can be stopped (binlog_expire_logs_seconds). "
        f"The failure: {status.last_failure}{_link(status)}"
    )


def _memory_error(job_name: str, status: JobStatus) -> JobMemoryError:
    return JobMemoryError(f"{job_name} ran out of memory: {status.out_of_memory}{_link(status)}.")


def _failure(job_name: str, status: JobStatus) -> JobFailedError | JobMemoryError | StateMismatchError:
    if status.out_of_memory:
        return _memory_error(job_name, status)
    cause = status.last_failure or "no exception was recorded"
    if found := state_mismatch(job_name, cause, status.restorable_state) or _lost_binlog(job_name, status):
        return found
    if status.state is JobState.MISSING:
        return JobFailedError(f"{job_name} does not run: the cluster does not have such a job. Deploy the pipeline.")
    return JobFailedError(f"{job_name} is {status.state}: {cause}{_link(status)}")


def _link(status: JobStatus) -> str:
    return f" (see {status.url})" if status.url else ""
