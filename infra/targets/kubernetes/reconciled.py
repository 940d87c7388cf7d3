"""What the status of a FlinkDeployment says, by operators from 1.7 on."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from infra.jobs.flink_status import STATES
from infra.jobs.job import JobState
from infra.jobs.options import REVISION_OPTION

Manifest = dict[str, Any]


def job_state(resource: Manifest) -> JobState:
    """The job's state; STARTING while the operator knows none."""
    status = resource.get("status", {})
    if status.get("lifecycleState") == "FAILED":
        return JobState.FAILED
    return STATES.get(status.get("jobStatus", {}).get("state", ""), JobState.STARTING)


def upgraded(resource: Manifest) -> bool:
    """Whether the operator has taken the spec as it is now.

    Newer operators say the observed generation; 1.7 does not: there the last reconciled spec must be the wanted one.
    """
    status = resource.get("status", {})
    observed = status.get("observedGeneration")
    if observed is not None and observed != resource["metadata"]["generation"]:
        return False
    spec = _reconciled(resource)
    if spec is None or status.get("reconciliationStatus", {}).get("state") not in ("DEPLOYED", "ROLLED_BACK"):
        return False
    wanted = resource["spec"]
    same_state = spec["job"]["state"] == wanted["job"]["state"]
    return bool(same_state and _revision(spec) == _revision(wanted))


def reconciled_revision(resource: Manifest) -> str | None:
    """The revision that the operator last brought up."""
    spec = _reconciled(resource)
    return _revision(spec) if spec else None


def flink_job_id(resource: Manifest) -> str | None:
    """Flink's id of the job, which the operator chooses before there is any pod."""
    return resource.get("status", {}).get("jobStatus", {}).get("jobId") or None


def is_taken(resource: Manifest) -> bool:
    """Whether an operator has looked at the resource at all."""
    status = resource.get("status", {})
    return bool(status.get("reconciliationStatus", {}).get("lastReconciledSpec") or status.get("error"))


def has_run(resource: Manifest) -> bool:
    """Whether the operator ever brought it up, so that it may have state."""
    return _reconciled(resource) is not None and flink_job_id(resource) is not None


def applied_at(resource: Manifest, manager: str) -> datetime:
    """When the field manager last changed the spec."""
    return _last_change(resource, manager, None) or _time(resource["metadata"]["creationTimestamp"])


def refusal(resource: Manifest, manager: str) -> str | None:
    """Why the operator will not take the spec as it is now; an older refusal may be that of an older spec."""
    error = resource.get("status", {}).get("error") or ""
    if "ValidationException" not in error:
        return None
    said = _last_change(resource, None, "status")
    if has_run(resource) and (said is None or said <= applied_at(resource, manager)):
        return None
    return f"the operator refuses it: {operator_error(resource)}"


def operator_error(resource: Manifest) -> str | None:
    """What the operator says that went wrong: the innermost message of its JSON."""
    error = resource.get("status", {}).get("error")
    if not error:
        return None
    try:
        document = json.loads(error)
    except ValueError:
        return str(error)
    causes = [document, *(document.get("throwableList") or [])]
    return str(next((cause["message"] for cause in reversed(causes) if cause.get("message")), error))


def savepoint_of(resource: Manifest) -> str | None:
    """The newest savepoint that the operator took, where it says so: a field of its own, or the older list."""
    status = resource.get("status", {}).get("jobStatus", {})
    last = (status.get("savepointInfo") or {}).get("lastSavepoint") or {}
    path = status.get("upgradeSavepointPath") or last.get("location")
    return str(path) if path else None


def _reconciled(resource: Manifest) -> Manifest | None:
    text = resource.get("status", {}).get("reconciliationStatus", {}).get("lastReconciledSpec")
    if not text:
        return None
    document: Manifest = json.loads(text)
    spec: Manifest = document.get("spec", document)
    return spec


def _revision(spec: Manifest) -> str | None:
    parameters = spec.get("flinkConfiguration", {}).get(REVISION_OPTION, "")
    return parameters.removeprefix("revision:") or None


def _last_change(resource: Manifest, manager: str | None, subresource: str | None) -> datetime | None:
    times = [
        _time(entry["time"])
        for entry in resource["metadata"].get("managedFields", [])
        if entry.get("subresource") == subresource and manager in (None, entry["manager"])
    ]
    return max(times, default=None)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
