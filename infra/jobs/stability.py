"""The stability of a job: how often it has restarted, and how long it must run without a failure (docs/adr/0018)."""

from __future__ import annotations

from itertools import pairwise

from infra.jobs.job import JobStatus

# A job that has failed must run this long without a failure, and this many times as long as between its failures.
STABLE_SECONDS = 30
STABLE_FACTOR = 1.5
# Failures further apart are no loop: a wait could not tell, and a job that ran for days may fail once.
LONGEST_PERIOD_SECONDS = 300
# A checkpoint is old after this many intervals and durations, and at least this time.
OLD_CHECKPOINT_FACTOR = 3
OLD_CHECKPOINT_SECONDS = 30


def loop_of(status: JobStatus) -> list[int]:
    """Return the times (ms) of the submission and of the failures after it that may be a loop, the latest ones.

    Each is at most the longest period after the one before. Failures between which no checkpoint can have completed are
    one incident, such as a TaskManager that is lost and not yet replaced.
    """
    times: list[int] = []
    for at in (status.submitted_at, *(at for at in status.failed_at if at >= status.submitted_at)):
        if times and at - times[-1] > LONGEST_PERIOD_SECONDS * 1000:
            times = []
        elif times and times[-1] != status.submitted_at and at - times[-1] <= status.checkpoint_interval_ms:
            times.pop()
        times.append(at)
    return times


def longest_gap_seconds(times: list[int]) -> float:
    """Return the longest time between two neighbours; 0 if there are none."""
    return max((after - before for before, after in pairwise(times)), default=0) / 1000


def stable_seconds(status: JobStatus) -> float:
    """Return how long the job must run without a failure: longer than it did between two failures before."""
    return max(STABLE_SECONDS, STABLE_FACTOR * longest_gap_seconds(loop_of(status)))


def is_stable(status: JobStatus) -> bool:
    """Return whether the job has not failed, or has run long enough since."""
    return not status.failed_at or status.observed_at - status.last_failure_at >= stable_seconds(status) * 1000


def old_checkpoint_seconds(status: JobStatus) -> float:
    """Return the age from which on a checkpoint is old."""
    usual = (status.checkpoint_interval_ms + status.checkpoint_ms) / 1000
    return max(OLD_CHECKPOINT_SECONDS, OLD_CHECKPOINT_FACTOR * usual)
