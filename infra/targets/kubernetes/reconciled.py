"""What the status of a FlinkDeployment says, by operators from 1.7 on."""

from __future__ import annotations

import json
from typing import Any

from infra.targets.base import JobState
from infra.targets.flink_job import REVISION_PARAMETER, STATES

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
    parameters = spec.get("flinkConfiguration", {}).get(REVISION_PARAMETER, "")
    return parameters.removeprefix("revision:") or None
