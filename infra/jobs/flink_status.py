"""The status of a job as Flink's own REST API reports it; the same on every target."""

from __future__ import annotations

from typing import Any

from infra.flink.rest import FlinkRest, root_cause
from infra.jobs.job import JobState, JobStatus

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


def newest_run(rest: FlinkRest, job_name: str) -> dict[str, Any] | None:
    """Return the newest run of that name that the cluster still lists; None if there is none."""
    runs = [job for job in rest.jobs() if job["name"] == job_name]
    return max(runs, key=lambda job: int(job["start-time"]), default=None)


def last_checkpoint(rest: FlinkRest, job_id: str) -> dict[str, Any]:
    """Return the last completed checkpoint: `latest_ack_timestamp` (ms), `external_path`; empty if there is none."""
    return (rest.checkpoints(job_id).get("latest") or {}).get("completed") or {}


def describe_run(rest: FlinkRest, run: dict[str, Any], restorable: str | None, url: str | None) -> JobStatus:
    """Return the status of a run; `restorable` is the newest job state that the target found."""
    job_id = run["jid"]
    checkpoint_at = int(last_checkpoint(rest, job_id).get("latest_ack_timestamp", 0))
    failures = rest.exceptions(job_id)
    return JobStatus(
        state=STATES[run["state"]],
        revision=rest.job_parameters(job_id).get("revision"),
        job_id=job_id,
        submitted_at=int(run["start-time"]),
        last_checkpoint_at=checkpoint_at,
        failures=sum(int(failure["timestamp"]) > checkpoint_at for failure in failures),
        last_failure_at=int(failures[0]["timestamp"]) if failures else 0,
        last_failure=root_cause(failures[0]["stacktrace"]) if failures else None,
        restorable_state=restorable,
        url=url,
    )
