"""The target contract against the local stack's Flink cluster with a real job, and what is specific to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.errors import JobFailedError, PlatformError, StateMismatchError
from infra.jobs.health import missing_for_health
from infra.jobs.job import JobSpec, JobState
from infra.jobs.upgrade import ensure_running
from infra.targets.local import local_target
from infra.targets.session import SessionTarget
from infra.waiting import wait_until
from tests.local.conftest import Stack
from tests.support.heartbeat import (
    CRASHING,
    FAILING,
    NO_RESTART,
    SLOW_RESTART,
    changed_job,
    failure_of,
    healthy,
    heartbeat_job,
    submitted,
    with_statement,
)
from tests.support.target_contract import TargetContract

SECONDS = 120.0


@pytest.fixture(scope="module")
def target(stack: Stack) -> SessionTarget:
    return local_target(stack.settings)


@pytest.fixture
def job(target: SessionTarget) -> Iterator[JobSpec]:
    """A job that is deleted after the test, so that its slot is free."""
    job = heartbeat_job()
    yield job
    target.delete(job.name)


class TestLocalContract(TargetContract):
    healthy_seconds = SECONDS

    def changed(self, job: JobSpec) -> JobSpec:
        return changed_job(job)


def test_script_that_raises_is_reported_with_its_exception(target: SessionTarget, job: JobSpec) -> None:
    broken = replace(job, script="raises.py")
    target.ensure_scripts(broken)

    with pytest.raises(JobFailedError) as caught:
        target.submit(broken)

    assert str(caught.value).splitlines()[0] == f"{job.name} could not be submitted: RuntimeError: no luck today"
    assert target.status(job.name).state is JobState.MISSING


def test_invalid_statement_is_reported_with_flinks_message(target: SessionTarget, job: JobSpec) -> None:
    broken = with_statement(job, b"INSERT INTO counts SELECT pulse, 1 FROM beats")
    target.ensure_scripts(broken)

    with pytest.raises(JobFailedError) as caught:
        target.submit(broken)

    assert str(caught.value).splitlines()[0] == (
        f"{job.name} could not be submitted: org.apache.calcite.sql.validate.SqlValidatorException: "
        "Column 'pulse' not found in any table"
    )


def test_job_that_fails_at_run_time_is_failed_with_the_root_cause(target: SessionTarget, job: JobSpec) -> None:
    failing = submitted(target, with_statement(job, FAILING, **NO_RESTART))

    error = failure_of(target, failing)

    status = target.status(job.name)
    assert type(error) is JobFailedError
    assert str(error) == f"{job.name} is FAILED: java.lang.ArithmeticException: / by zero (see {status.url})"
    assert "java.lang.ArithmeticException: / by zero" in target.logs(job.name)


def test_job_that_fails_again_and_again_is_a_restart_loop(target: SessionTarget, job: JobSpec) -> None:
    backoff = "restart-strategy.exponential-delay."
    short = {backoff + "initial-backoff": "10 ms", backoff + "max-backoff": "50 ms"}
    failing = submitted(target, with_statement(job, FAILING, **short))

    error = failure_of(target, failing)

    assert re.fullmatch(
        rf"{job.name} is in a restart loop: \d+ failures since its last checkpoint, the last one: "
        r"java\.lang\.ArithmeticException: / by zero\. Fix the cause and deploy again \(see \S+\)\.",
        str(error),
    )
    assert target.status(job.name).state.alive


def test_crash_loop_with_checkpoints_between_two_failures_is_never_healthy(target: SessionTarget, job: JobSpec) -> None:
    failing = submitted(target, with_statement(job, CRASHING, **SLOW_RESTART))
    looked_healthy = 0

    def failed() -> PlatformError | None:
        nonlocal looked_healthy
        status = target.status(job.name)
        recovered = status.last_checkpoint_at > status.last_failure_at > 0
        looked_healthy += status.state is JobState.RUNNING and recovered
        try:
            missing = missing_for_health(job.name, failing.revision, status)
        except PlatformError as error:
            return error
        assert missing or not status.failed_at, status  # nobody can tell before the first failure
        return None

    error = wait_until(failed, f"{job.name} to be in a restart loop", SECONDS, poll_seconds=0.2)

    assert looked_healthy
    assert re.fullmatch(
        rf"{job.name} is in a restart loop: \d+ restarts, the longest time between two of them was \d+ s, the last "
        r"failure: java\.lang\.ArithmeticException: / by zero\. Fix the cause and deploy again \(see \S+\)\.",
        str(error),
    )


def test_fixed_job_replaces_one_in_a_restart_loop(target: SessionTarget, job: JobSpec) -> None:
    failure_of(target, submitted(target, with_statement(job, FAILING)))
    target.ensure_scripts(job)

    submission = ensure_running(target, job)

    assert submission.change == "changed"
    wait_until(lambda: healthy(target, job), f"{job.name} to be healthy", SECONDS)


def test_job_state_that_does_not_fit_the_new_statement_names_both_fixes(target: SessionTarget, job: JobSpec) -> None:
    submitted(target, job)
    wait_until(lambda: healthy(target, job), f"{job.name} to be healthy", SECONDS)
    other = with_statement(job, b"INSERT INTO counts SELECT beat, CAST(beat AS BIGINT) FROM beats", **NO_RESTART)
    target.ensure_scripts(other)

    with pytest.raises(StateMismatchError) as caught:
        ensure_running(target, other)

    savepoint = target.status(job.name).restorable_state
    assert str(caught.value).startswith(
        f"the job state of {job.name} (file:{savepoint}) does not fit its new revision: "
    )
    assert '{"start_from": "scratch"}' in str(caught.value)
    submission = ensure_running(target, job)
    wait_until(lambda: healthy(target, job), f"{job.name} to be healthy", SECONDS)
    assert submission.detail.endswith(f"state from {savepoint}")
