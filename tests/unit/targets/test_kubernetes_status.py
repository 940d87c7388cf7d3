"""What the status of a FlinkDeployment says, by both kinds of operators; what a log says of a script that raised."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.targets.base import JobState
from infra.targets.kubernetes.diagnosis import script_failure
from infra.targets.kubernetes.reconciled import job_state, reconciled_revision, savepoint_of, upgraded


def resource(revision: str = "new", state: str = "running", **status: Any) -> dict[str, Any]:
    return {"metadata": {"generation": 3}, "spec": spec(revision, state), "status": status}


def spec(revision: str, state: str = "running") -> dict[str, Any]:
    parameters = {"pipeline.global-job-parameters": f"revision:{revision}"}
    return {"flinkConfiguration": parameters, "job": {"state": state}}


def reconciled(revision: str, state: str = "running", phase: str = "DEPLOYED") -> dict[str, Any]:
    return {"state": phase, "lastReconciledSpec": json.dumps({"spec": spec(revision, state), "resource_metadata": {}})}


def test_the_older_operator_is_believed_by_the_reconciled_spec() -> None:
    assert not upgraded(resource())
    assert not upgraded(resource(reconciliationStatus=reconciled("old")))
    assert not upgraded(resource(reconciliationStatus=reconciled("new", phase="UPGRADING")))
    assert not upgraded(resource(state="suspended", reconciliationStatus=reconciled("new")))
    assert upgraded(resource(reconciliationStatus=reconciled("new")))
    assert reconciled_revision(resource(reconciliationStatus=reconciled("old"))) == "old"


def test_the_newer_operator_must_have_seen_this_generation_too() -> None:
    assert not upgraded(resource(observedGeneration=2, reconciliationStatus=reconciled("new")))
    assert upgraded(resource(observedGeneration=3, reconciliationStatus=reconciled("new")))


@pytest.mark.parametrize(
    ("status", "path"),
    [
        ({}, None),
        ({"jobStatus": {"savepointInfo": {"lastSavepoint": {"location": "file:/a"}}}}, "file:/a"),
        ({"jobStatus": {"upgradeSavepointPath": "file:/b", "savepointInfo": {}}}, "file:/b"),
    ],
)
def test_savepoint_path_of_both_operators(status: dict[str, Any], path: str | None) -> None:
    assert savepoint_of(resource(**status)) == path


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({}, JobState.STARTING),
        ({"jobStatus": {"state": "RECONCILING"}}, JobState.STARTING),
        ({"jobStatus": {"state": "RUNNING"}}, JobState.RUNNING),
        ({"jobStatus": {"state": "FAILED"}}, JobState.FAILED),
        ({"lifecycleState": "FAILED", "jobStatus": {"state": "RUNNING"}}, JobState.FAILED),
    ],
)
def test_job_state(status: dict[str, Any], state: JobState) -> None:
    assert job_state(resource(**status)) is state


def test_the_last_traceback_of_a_log_is_what_the_script_raised() -> None:
    log = """2026-11-22 INFO starting
Traceback (most recent call last):
  File "/opt/flink/jobs/analytics.py", line 7, in <module>
    run_statements()
KeyError: '10_records.sql needs a value for ${entries_topic}: give --entries_topic'
org.apache.flink.client.program.ProgramAbortException: Python process exits with code: 1
"""
    assert script_failure(log) == (
        "KeyError: '10_records.sql needs a value for ${entries_topic}: give --entries_topic'"
    )
    assert script_failure("nothing of the kind") is None
