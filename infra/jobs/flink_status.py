"""The status of a job as Flink's own REST API reports it; the same on every target."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from infra.errors import WaitTimeoutError
from infra.flink.rest import FlinkRest, root_cause
from infra.jobs.job import JobState, JobStatus
from infra.waiting import wait_until

EXCEPTION_SECONDS = 5.0  # Flink's web.refresh-interval is 3 s by default

# Other kinds, such as Metaspace, have a size of their own, and Flink's message names its option.
_HEAP_IS_FULL = re.compile(r"java\.lang\.OutOfMemoryError: (Java heap space|GC overhead limit exceeded)")

STATES = {
    "INITIALIZING": JobState.STARTING,
    "CREATED": JobState.STARTING,
    "RECONCILING": JobState.STARTING,
    "RUNNING": JobState.RUNNING,
    "FAILING": JobState.RESTARTING,
    "RESTARTING": JobState.RESTARTING,
    "CANCELLING": JobState.RESTARTING,
    "FAILED": JobState.FAILED,
    "FINISHED": JobState.STOPPED,
    "CANCELED": JobState.STOPPED,
    "SUSPENDED": JobState.STOPPED,
}


def live_runs(rest: FlinkRest, job_name: str) -> list[dict[str, Any]]:
    """Return the runs of that name that the cluster keeps going, the oldest first; there must never be two."""
    runs = [job for job in rest.jobs() if job["name"] == job_name and STATES[job["state"]].alive]
    return sorted(runs, key=lambda job: int(job["start-time"]))


def newest_run(rest: FlinkRest, job_name: str) -> dict[str, Any] | None:
    """Return the newest run of that name that the cluster still lists; None if there is none."""
    runs = [job for job in rest.jobs() if job["name"] == job_name]
    return max(runs, key=lambda job: int(job["start-time"]), default=None)


def last_checkpoint(rest: FlinkRest, job_id: str) -> dict[str, Any]:
    """Return the last completed checkpoint: its time, duration and path as Flink names them; or {}."""
    return (rest.checkpoints(job_id).get("latest") or {}).get("completed") or {}


def describe_run(
    rest: FlinkRest,
    run: dict[str, Any],
    restorable: str | None,
    url: str | None,
    memory_fix: str,
    heap_full_at: int = 0,
) -> JobStatus:
    """Return the status of a run; `restorable` is the newest job state that the target found.

    `heap_full_at` is when a TaskManager last ended because its heap was full (ms; 0 if the target does not know), and
    `memory_fix` is a sentence with the setting to raise.
    """
    job_id, submitted_at = run["jid"], int(run["start-time"])
    checkpoint = last_checkpoint(rest, job_id)
    checkpoint_at = int(checkpoint.get("latest_ack_timestamp", 0))
    failures = _failures(rest, run)
    recent = [failure for failure in failures if int(failure["timestamp"]) > checkpoint_at]
    full = _full_heap(recent, submitted_at, checkpoint_at, heap_full_at)
    return JobStatus(
        state=STATES[run["state"]],
        revision=rest.job_parameters(job_id).get("revision"),
        job_id=job_id,
        submitted_at=submitted_at,
        observed_at=submitted_at + int(run.get("duration", 0)),
        last_checkpoint_at=checkpoint_at,
        checkpoint_ms=int(checkpoint.get("end_to_end_duration", 0)),
        checkpoint_interval_ms=rest.checkpoint_interval_ms(job_id),
        failed_at=tuple(sorted(int(failure["timestamp"]) for failure in failures)),
        failures=len(recent),
        last_failure_at=int(failures[0]["timestamp"]) if failures else 0,
        last_failure=root_cause(failures[0]["stacktrace"]) if failures else None,
        restorable_state=restorable,
        out_of_memory=f"{full}. {memory_fix}" if full else None,
        url=url,
    )


def _failures(rest: FlinkRest, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the failures of a run, newest first; a failed job has at least one, unless Flink never recorded it.

    Flink reports the state FAILED at once, and exceptions from a copy that it renews every `web.refresh-interval`.
    """
    failures = rest.exceptions(run["jid"])
    if failures or STATES[run["state"]] is not JobState.FAILED:
        return failures
    try:
        return wait_until(lambda: rest.exceptions(run["jid"]) or None, "the exception", EXCEPTION_SECONDS)
    except WaitTimeoutError:
        return []


def _full_heap(
    recent: Sequence[dict[str, Any]], submitted_at: int, checkpoint_at: int, heap_full_at: int
) -> str | None:
    """Return how the heap was full, according to the job's failures since its last checkpoint; None if it was not.

    A TaskManager that ended concerns the job only if the job failed afterwards, because it may run on another one. A
    job that ran before may have lost it to a new one, so it must have failed before, too. Until a new TaskManager is
    registered, Flink adds failures, so their number does not count.
    """
    for failure in recent:
        found = _HEAP_IS_FULL.search(failure["stacktrace"])
        if found:
            return f"its TaskManager reported {found[0]}"
    times = [int(failure["timestamp"]) for failure in recent]
    failed_after = heap_full_at > max(submitted_at, checkpoint_at) and any(at >= heap_full_at for at in times)
    failed_before = any(at < heap_full_at for at in times)
    is_new = checkpoint_at <= submitted_at
    return "its TaskManager ended because the heap was full" if failed_after and (is_new or failed_before) else None
