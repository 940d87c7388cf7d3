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


def test_job_without_a_reported_revision_is_not_healthy() -> None:
    assert missing(revision=None) == f"revision {JOB.revision} (it does not report one yet)"


def loop(period: int, failures: int, since: int, **changes: Any) -> dict[str, Any]:
    """Return a job that fails every `period` seconds, last `since` seconds ago, with a checkpoint 1 s ago."""
    failed_at = tuple(100 + 1000 * period * number for number in range(1, failures + 1))
    return {
        "failed_at": failed_at,
        "last_failure_at": failed_at[-1],
        "last_failure": "boom",
        "last_checkpoint_at": failed_at[-1] + 1000 * since - 1000,
        "observed_at": failed_at[-1] + 1000 * since,
        "checkpoint_interval_ms": 1000,
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        (loop(period=5, failures=1, since=4), 30),  # a job of any period can fail for the first time
        (loop(period=5, failures=1, since=29), 30),
        (loop(period=60, failures=1, since=59), 90),
        (loop(period=60, failures=4, since=89), 90),
        (loop(period=300, failures=2, since=449), 450),
    ],
)
def test_job_that_failed_must_stay_without_a_failure_for_longer_than_before(
    changes: dict[str, Any], seconds: int
) -> None:
    assert missing(**changes) == f"{seconds} s without a failure, after its last one: boom"


@pytest.mark.parametrize(
    "changes",
    [
        loop(period=5, failures=4, since=30),
        loop(period=60, failures=4, since=90),
        loop(period=60, failures=40, since=90),
        # Failures that are far apart are no loop.
        loop(period=301, failures=40, since=30),
    ],
)
def test_job_that_stayed_without_a_failure_is_healthy(changes: dict[str, Any]) -> None:
    assert missing(**changes) is None


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.RESTARTING])
def test_crash_loop_with_checkpoints_between_is_an_error(state: JobState) -> None:
    error = failure(**loop(period=60, failures=5, since=10, state=state))

    assert type(error) is JobFailedError
    assert str(error) == (
        "games.cdc is in a restart loop: 5 restarts, the longest time between two of them was 60 s, the last failure: "
        "boom. Fix the cause and deploy again (see http://flink/#/job/run-1)."
    )


def test_failures_without_a_checkpoint_between_are_one_restart() -> None:
    lost = (2000, 2500, 3000, 3500, 4000, 4500, 5000)  # until a new TaskManager is registered

    assert missing(
        **loop(1, 1, 0, failed_at=lost, last_failure_at=5000, last_checkpoint_at=6000, observed_at=9000)
    ) == ("30 s without a failure, after its last one: boom")


@pytest.mark.parametrize(("interval", "took", "seconds"), [(1000, 100, 30), (60_000, 100, 180), (1000, 60_000, 183)])
def test_old_checkpoint_is_not_healthy(interval: int, took: int, seconds: int) -> None:
    changes = {"checkpoint_interval_ms": interval, "checkpoint_ms": took}
    last = HEALTHY.last_checkpoint_at

    assert missing(**changes, observed_at=last + seconds * 1000) is None
    assert missing(**changes, observed_at=last + seconds * 1000 + 1000) == f"a checkpoint of the last {seconds} s"


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


@pytest.mark.parametrize("state", [JobState.RESTARTING, JobState.RUNNING, JobState.FAILED])
def test_job_whose_binlog_was_deleted_fails_at_once_with_the_way_on(state: JobState) -> None:
    cause = "java.lang.IllegalStateException: The binlog is no longer available on the server."
    error = failure(state=state, last_failure_at=201, last_failure=cause, failures=1)

    assert type(error) is JobFailedError
    assert str(error).startswith(
        f"{JOB.name} cannot continue: the server deleted binlog files before the job had read them. Its topics are "
        'unchanged. Deploy with the param {"start_from": "scratch"}'
    )


def test_binlog_that_was_missing_before_the_last_checkpoint_does_not_count() -> None:
    assert missing(last_failure_at=199, last_failure="no longer available on the server", failures=0) is None
