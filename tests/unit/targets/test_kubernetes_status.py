"""The status of a FlinkDeployment from older and newer operators, and the cause of a failure in a log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.jobs.job import JobState
from infra.targets.kubernetes.diagnosis import caused_by, out_of_memory, script_failure, worker_failure
from infra.targets.kubernetes.reconciled import (
    applied_at,
    has_run,
    is_reconciled,
    job_state,
    operator_error,
    reconciled_revision,
    rejection,
    restorable_state,
    savepoint_of,
    was_reconciled,
)


def resource(revision: str = "new", state: str = "running", **status: Any) -> dict[str, Any]:
    return {"metadata": {"generation": 3}, "spec": spec(revision, state), "status": status}


def spec(revision: str, state: str = "running") -> dict[str, Any]:
    parameters = {"pipeline.global-job-parameters": f"revision:{revision}"}
    return {"flinkConfiguration": parameters, "job": {"state": state}}


def reconciled(revision: str, state: str = "running", phase: str = "DEPLOYED") -> dict[str, Any]:
    return {
        "state": phase,
        "lastReconciledSpec": json.dumps({"spec": spec(revision, state), "resource_metadata": {}}),
    }


def test_older_operator_must_have_reconciled_the_current_spec() -> None:
    assert not is_reconciled(resource())
    assert not is_reconciled(resource(reconciliationStatus=reconciled("old")))
    assert not is_reconciled(resource(reconciliationStatus=reconciled("new", phase="UPGRADING")))
    assert not is_reconciled(resource(state="suspended", reconciliationStatus=reconciled("new")))
    assert is_reconciled(resource(reconciliationStatus=reconciled("new")))
    assert reconciled_revision(resource(reconciliationStatus=reconciled("old"))) == "old"


def test_newer_operator_must_have_observed_the_current_generation_too() -> None:
    assert not is_reconciled(resource(observedGeneration=2, reconciliationStatus=reconciled("new")))
    assert is_reconciled(resource(observedGeneration=3, reconciliationStatus=reconciled("new")))


@pytest.mark.parametrize(
    ("status", "path"),
    [
        ({}, None),
        ({"jobStatus": {"savepointInfo": {"lastSavepoint": {"location": "file:/a"}}}}, "file:/a"),
        ({"jobStatus": {"upgradeSavepointPath": "file:/b", "savepointInfo": {}}}, "file:/b"),
        ({"jobStatus": {"upgradeSavepointPath": "KUBERNETES_OPERATOR_LAST_STATE"}}, None),
    ],
)
def test_savepoint_path_of_both_operators(status: dict[str, Any], path: str | None) -> None:
    assert savepoint_of(resource(**status)) == path


def test_resource_that_never_ran_has_the_savepoint_that_it_was_to_start_from() -> None:
    found = resource()
    found["spec"]["job"]["initialSavepointPath"] = "file:/initial"
    assert restorable_state(found) == "file:/initial"
    found["status"] = {"jobStatus": {"upgradeSavepointPath": "file:/newer"}}
    assert restorable_state(found) == "file:/newer"


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


def test_cause_is_the_last_traceback_of_the_log() -> None:
    log = """2026-11-22 INFO starting
Traceback (most recent call last):
  File "/opt/flink/jobs/analytics.py", line 7, in <module>
    run_statements()
KeyError: '10_records.sql: ${source_topic} does not have a value. Pass --source_topic, or set SOURCE_TOPIC.'
org.apache.flink.client.program.ProgramAbortException: Python process exits with code: 1
"""
    assert script_failure(log) == (
        "KeyError: '10_records.sql: ${source_topic} does not have a value. Pass --source_topic, or set SOURCE_TOPIC.'"
    )
    assert script_failure("nothing of the kind") is None


def test_cause_of_an_invalid_statement_is_the_innermost_one() -> None:
    log = """Traceback (most recent call last):
2026-11-22 20:22:41,377 INFO  org.apache.flink.client.python.PythonDriver [] - Traceback (most recent call last):
  File "/opt/flink/jobs/heartbeat.py", line 7, in <module>
2026-11-22 20:22:41,378 INFO  org.apache.flink.client.python.PythonDriver [] -   File "/opt/flink/jobs/heartbeat.py"
py4j.protocol.Py4JJavaError: An error occurred while calling o8.executeSql.
: org.apache.flink.table.api.ValidationException: SQL validation failed.
\tat org.apache.flink.table.planner.calcite.FlinkPlannerImpl.validate(FlinkPlannerImpl.scala:118)
Caused by: org.apache.calcite.sql.validate.SqlValidatorException: Column 'pulse' not found in any table
2026-11-22 20:22:41,417 ERROR org.apache.flink.client.python.PythonDriver [] - Run python process failed
java.lang.RuntimeException: Python process exits with code: 1
Caused by: org.apache.flink.client.program.ProgramAbortException: java.lang.RuntimeException: Python process exits
"""
    assert script_failure(log) == (
        "org.apache.calcite.sql.validate.SqlValidatorException: Column 'pulse' not found in any table"
    )


def test_script_that_ends_at_once_gets_a_hint() -> None:
    cause = caused_by("Caused by: java.lang.RuntimeException: Failed to start Python process. \n")
    assert str(cause).endswith("The script ended before Flink read its output. Check that Python can compile it.")


def ended(how: str) -> str:
    """Return the line with which a JobManager reports the end of a TaskManager's pod."""
    return f"... Pod terminated, container termination statuses: [flink-main-container({how}, message=null)], ...\n"


OTHER = ended("exitCode=239, reason=Error")


@pytest.mark.parametrize("how", ["exitCode=137, reason=OOMKilled", "exitCode=3, reason=Error"])
def test_one_task_manager_that_ended_without_memory_is_enough(how: str) -> None:
    assert out_of_memory(OTHER + ended(how)) == f"its TaskManager ended ({how})"


@pytest.mark.parametrize(
    "log", ["", OTHER, ended("exitCode=137, reason=Error"), ended("exitCode=3, reason=Error") + OTHER]
)
def test_other_ends_are_not_for_want_of_memory(log: str) -> None:
    assert out_of_memory(log) is None


def test_only_repeated_other_ends_are_a_failure() -> None:
    assert worker_failure(OTHER * 2) is None
    assert worker_failure(OTHER * 3) == (
        "its TaskManagers keep crashing (exitCode=239, reason=Error). Check the events and logs of their pods."
    )


def test_resource_that_no_operator_has_ever_reconciled() -> None:
    assert not was_reconciled({"metadata": {}, "spec": spec("new")})
    assert not was_reconciled(resource(jobStatus={}, reconciliationStatus={"state": "UPGRADING"}))
    assert was_reconciled(resource(reconciliationStatus=reconciled("new")))
    assert was_reconciled(resource(error="rejected"))


ERROR = json.dumps(
    {"type": "a.b.ReconciliationException", "throwableList": [{"type": "a.ValidationException", "message": "Bad key"}]}
)


def changed(at: str, manager: str = "olympic-streaming", **more: str) -> dict[str, str]:
    return {"manager": manager, "time": f"2026-01-01T00:00:{at}Z", **more}


def rejected(*changes: dict[str, str], **status: Any) -> dict[str, Any]:
    metadata = {"creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": list(changes)}
    return {**resource(error=ERROR, **status), "metadata": metadata}


def test_error_of_a_resource_that_never_ran_is_a_rejection() -> None:
    assert rejection(rejected(changed("09")), "olympic-streaming") == "the operator rejects it: Bad key"


def test_rejection_of_an_older_spec_is_not_one_of_the_new_spec() -> None:
    ran = {"reconciliationStatus": reconciled("old"), "jobStatus": {"jobId": "f00"}}
    operator = changed("05", "operator", subresource="status")
    assert has_run(rejected(**ran))
    assert rejection(rejected(changed("09"), operator, **ran), "olympic-streaming") is None
    assert (
        rejection(rejected(changed("04"), operator, **ran), "olympic-streaming") == "the operator rejects it: Bad key"
    )


def test_other_errors_of_the_operator_are_not_rejections() -> None:
    assert rejection(resource(error='{"message": "try later"}'), "olympic-streaming") is None
    assert operator_error(resource(error='{"message": "try later"}')) == "try later"
    assert operator_error(resource(error="plain text")) == "plain text"
    assert operator_error(resource()) is None


def test_only_our_own_change_of_the_spec_counts_as_applied() -> None:
    found = rejected(changed("03"), changed("08", "operator"), changed("09", subresource="status"))
    assert applied_at(found, "olympic-streaming") == datetime(2026, 1, 1, 0, 0, 3, tzinfo=UTC)
    assert applied_at(rejected(), "olympic-streaming") == datetime(2026, 1, 1, tzinfo=UTC)
