"""The health of a job: the exact texts of everything that can be missing, and of every failure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.errors import JobFailedError, JobMemoryError, PlatformError, StateMismatchError
from infra.jobs.health import RESTART_LOOP_FAILURES, missing_for_health
from infra.jobs.job import JobState
from tests.support.jobs import HEALTHY, JOB


def missing(**changes: Any) -> str | None:
    return missing_for_health(JOB.name, JOB.revision, replace(HEALTHY, **changes))


def failure(**changes: Any) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        missing(**changes)
    return caught.value


def test_running_with_a_checkpoint_since_the_submission_is_healthy() -> None:
    assert missing() is None


def test_failure_before_the_last_checkpoint_does_not_count() -> None:
    assert missing(last_failure_at=199, last_failure="boom", failures=0) is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"revision": "000000000000"}, f"revision {JOB.revision} (it has 000000000000)"),
        ({"state": JobState.STARTING}, "state RUNNING (it is STARTING)"),
        ({"state": JobState.RESTARTING}, "state RUNNING (it is RESTARTING)"),
        (
            {"state": JobState.RESTARTING, "last_failure": "boom", "failures": 1},
            "state RUNNING (it is RESTARTING after: boom)",
        ),
        ({"last_checkpoint_at": 0}, "its first checkpoint"),
        ({"last_checkpoint_at": 100}, "its first checkpoint"),
        (
            {"last_failure_at": 201, "last_failure": "boom", "failures": RESTART_LOOP_FAILURES - 1},
            "a checkpoint after its last failure: boom",
        ),
    ],
)
def test_missing_condition_is_named(changes: dict[str, Any], text: str) -> None:
    assert missing(**changes) == text


def test_job_without_a_reported_revision_is_checked_for_the_rest() -> None:
    assert missing(revision=None) is None


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.STOPPED])
def test_job_that_ended_fails_at_once_with_its_cause_and_link(state: JobState) -> None:
    error = failure(state=state, last_failure="java.io.IOException: boom")

    assert type(error) is JobFailedError
    assert str(error) == f"games.cdc is {state}: java.io.IOException: boom (see http://flink/#/job/run-1)"


def test_error_of_a_job_without_an_exception() -> None:
    assert str(failure(state=JobState.STOPPED, url=None)) == "games.cdc is STOPPED: no exception was recorded"


def test_error_of_a_missing_job_names_the_fix() -> None:
    error = failure(state=JobState.MISSING, url=None)

    assert str(error) == "games.cdc does not run: the cluster does not have such a job. Deploy the pipeline."


def test_ended_job_of_another_revision_is_an_error() -> None:
    assert str(failure(state=JobState.FAILED, revision="other", last_failure="boom", url=None)) == (
        "games.cdc is FAILED: boom"
    )


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.RESTARTING, JobState.FAILED, JobState.STOPPED])
def test_job_that_ran_out_of_memory_fails_at_once_with_the_setting(state: JobState) -> None:
    error = failure(state=state, out_of_memory="its heap was full. Raise it", failures=1, last_failure="lost")

    assert type(error) is JobMemoryError
    assert str(error) == ("games.cdc ran out of memory: its heap was full. Raise it (see http://flink/#/job/run-1).")


def test_memory_of_another_revision_does_not_count() -> None:
    assert missing(revision="000000000000", out_of_memory="its heap was full") == (
        f"revision {JOB.revision} (it has 000000000000)"
    )


def test_restart_loop_is_an_error_even_if_the_job_reports_running() -> None:
    error = failure(failures=RESTART_LOOP_FAILURES, last_failure="boom")

    assert type(error) is JobFailedError
    assert str(error) == (
        "games.cdc is in a restart loop: 8 failures since its last checkpoint, the last one: boom. "
        "Fix the cause and deploy again (see http://flink/#/job/run-1)."
    )


def test_restart_loop_of_a_job_whose_state_does_not_fit_is_a_mismatch() -> None:
    cause = "org.apache.flink.util.StateMigrationException: the new serializer is incompatible"

    error = failure(failures=RESTART_LOOP_FAILURES, last_failure=cause, restorable_state="/savepoint-1")

    assert type(error) is StateMismatchError
    assert str(error).startswith("the job state of games.cdc (/savepoint-1) does not fit its new revision: ")


@pytest.mark.parametrize(
    "cause",
    [
        (
            "java.lang.IllegalStateException: Failed to rollback to checkpoint/savepoint file:/x. "
            "Cannot map checkpoint/savepoint state for operator 1 to the new program"
        ),
        "org.apache.flink.util.StateMigrationException: the new serializer is incompatible",
    ],
)
def test_job_state_that_does_not_fit_names_both_fixes(cause: str) -> None:
    error = failure(state=JobState.FAILED, last_failure=cause, restorable_state="/savepoint-1")

    assert type(error) is StateMismatchError
    assert str(error) == (
        f"the job state of games.cdc (/savepoint-1) does not fit its new revision: {cause}. Undo the change, or deploy "
        'with the param {"start_from": "scratch"}, which empties the topics that the job writes and builds them again.'
    )
