"""The status of a FlinkDeployment as operators from 1.7 on report it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from infra.jobs.flink_status import STATES
from infra.jobs.job import JobState
from infra.jobs.options import REVISION_OPTION
from infra.targets.kubernetes.manifests import REVISION_KEY, STATE_ANNOTATION

Manifest = dict[str, Any]
# What the operator reports in place of a path after a start from high-availability metadata, as when it scales a job.
_NOT_A_PATH = "KUBERNETES_OPERATOR_LAST_STATE"


def job_state(resource: Manifest) -> JobState:
    """Return the job's state; STARTING while the operator does not report one."""
    status = resource.get("status", {})
    if status.get("lifecycleState") == "FAILED":
        return JobState.FAILED
    return STATES.get(status.get("jobStatus", {}).get("state", ""), JobState.STARTING)


def is_reconciled(resource: Manifest) -> bool:
    """Return whether the operator has acted on the current spec.

    Newer operators report the observed generation. For 1.7, which does not, the last reconciled spec must have the
    revision and state of the current one.
    """
    status = resource.get("status", {})
    observed = status.get("observedGeneration")
    if observed is not None and observed != resource["metadata"]["generation"]:
        return False
    spec = _last_reconciled_spec(resource)
    if spec is None or status.get("reconciliationStatus", {}).get("state") not in ("DEPLOYED", "ROLLED_BACK"):
        return False
    desired = resource["spec"]
    same_state = spec["job"]["state"] == desired["job"]["state"]
    return bool(same_state and _revision(spec) == _revision(desired))


def flink_name(resource: Manifest) -> str:
    """Return the name with which Flink reports the job."""
    name: str = resource["spec"]["flinkConfiguration"]["pipeline.name"]
    return name


def desired_revision(resource: Manifest) -> str | None:
    """Return the revision that was applied last; None if the resource is not ours."""
    revision: str | None = resource["metadata"].get("annotations", {}).get(REVISION_KEY)
    return revision


def reconciled_revision(resource: Manifest) -> str | None:
    """Return the revision that the operator last reconciled; None if there is none."""
    spec = _last_reconciled_spec(resource)
    return _revision(spec) if spec else None


def flink_job_id(resource: Manifest) -> str | None:
    """Return Flink's id of the job, which the operator chooses before it creates a pod; None until then."""
    return resource.get("status", {}).get("jobStatus", {}).get("jobId") or None


def was_reconciled(resource: Manifest) -> bool:
    """Return whether an operator has ever acted on the resource, in its current version or an older one."""
    status = resource.get("status", {})
    return bool(status.get("reconciliationStatus", {}).get("lastReconciledSpec") or status.get("error"))


def has_run(resource: Manifest) -> bool:
    """Return whether the operator has ever started the job, so that it can have job state."""
    return _last_reconciled_spec(resource) is not None and flink_job_id(resource) is not None


def has_started(resource: Manifest) -> bool:
    """Return whether Flink has ever reported a run of the job to the operator."""
    return bool(resource.get("status", {}).get("jobStatus", {}).get("startTime"))


def must_be_new(resource: Manifest) -> bool:
    """Return whether the job needs a new resource, because a changed spec would not start it.

    The operator leaves a failed job as it is. Operator 1.7.0 resumes a suspended job under its old id, which Flink
    rejects as ended. A rejected resource keeps its old error until the operator reconciles it again.
    """
    ended = job_state(resource) is JobState.FAILED or resource["spec"]["job"]["state"] == "suspended"
    return ended or not has_run(resource)


def applied_at(resource: Manifest, manager: str) -> datetime:
    """Return when the field manager last changed the spec."""
    return _last_change(resource, manager, None) or _time(resource["metadata"]["creationTimestamp"])


def rejection(resource: Manifest, manager: str) -> str | None:
    """Return why the operator rejects the current spec; None if it does not, or rejected only an older one."""
    error = resource.get("status", {}).get("error") or ""
    if "ValidationException" not in error:
        return None
    reported_at = _last_change(resource, None, "status")
    if has_run(resource) and (reported_at is None or reported_at <= applied_at(resource, manager)):
        return None
    return f"the operator rejects it: {operator_error(resource)}"


def operator_error(resource: Manifest) -> str | None:
    """Return the operator's error, which is the innermost message of its JSON; None if there is none."""
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
    """Return the newest savepoint that the operator reports, in a field of its own or in the older list."""
    status = resource.get("status", {}).get("jobStatus", {})
    last = (status.get("savepointInfo") or {}).get("lastSavepoint") or {}
    paths = [path for path in (status.get("upgradeSavepointPath"), last.get("location")) if path != _NOT_A_PATH]
    return next((str(path) for path in paths if path), None)


def restorable_state(resource: Manifest) -> str | None:
    """Return the job state that the operator reports, or the checkpoint annotated at a stop without a savepoint.

    A resource that never ran still has the savepoint that it was to start from.
    """
    job = resource["spec"]["job"]
    if job["state"] == "suspended" and job["upgradeMode"] == "stateless":
        noted = resource["metadata"].get("annotations", {}).get(STATE_ANNOTATION)
        return noted or savepoint_of(resource)
    return savepoint_of(resource) or job.get("initialSavepointPath")


def _last_reconciled_spec(resource: Manifest) -> Manifest | None:
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
