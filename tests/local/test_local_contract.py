"""The target contract against the local stack's Flink cluster with a real job, and what is specific to it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from infra.errors import JobFailedError, PlatformError, StateMismatchError
from infra.jobs.flink_status import live_runs
from infra.jobs.health import missing_for_health
from infra.jobs.job import JobSpec, JobState
from infra.jobs.upgrade import ensure_running
from infra.targets import session
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


def live(target: SessionTarget, job: JobSpec) -> list[str]:
    return [run["jid"] for run in live_runs(target._rest, job.name)]


def test_two_submissions_at_once_start_one_job(target: SessionTarget, job: JobSpec, stack: Stack) -> None:
    target.ensure_scripts(job)
    both = threading.Barrier(2)

    def submit() -> str:
        both.wait()
        return local_target(stack.settings).submit(job)

    with ThreadPoolExecutor() as pool:
        ids = [future.result() for future in [pool.submit(submit), pool.submit(submit)]]

    assert live(target, job) == [ids[0]] == [ids[1]]
    wait_until(lambda: healthy(target, job), f"{job.name} to be healthy", SECONDS)


def test_client_that_fails_after_flink_took_the_job(
    target: SessionTarget, job: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a client does that loses its connection, or is ended by a timeout."""
    real = target._client()
    program = tmp_path / "flink"
    program.write_text(f'#!/bin/bash\n"{real.program}" "$@" > /dev/null\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setattr(target, "_client", lambda: replace(real, program=program))
    target.ensure_scripts(job)

    first = ensure_running(target, job)
    again = target.submit(job)

    assert first.change == "created"
    assert live(target, job) == [again]


def test_submission_of_another_revision_is_refused_while_one_runs(target: SessionTarget, job: JobSpec) -> None:
    target.ensure_scripts(job)
    job_id = target.submit(job)
    other = changed_job(job)
    target.ensure_scripts(other)

    with pytest.raises(JobFailedError) as caught:
        target.submit(other)

    assert str(caught.value) == (
        f"{job.name} could not be submitted at revision {other.revision}: it runs at revision {job.revision} as job "
        f"{job_id}, which another deployment started. Deploy again, one deployment at a time."
    )
    assert live(target, job) == [job_id]


def test_two_live_jobs_of_one_name_are_found_and_ended(
    target: SessionTarget, job: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.ensure_scripts(job)
    first = target.submit(job)
    with monkeypatch.context() as unseen:
        unseen.setattr(session, "live_runs", lambda *_: [])
        second = target.submit(job)

    with pytest.raises(JobFailedError) as caught:
        target.status(job.name)

    assert str(caught.value).startswith(f"{job.name} runs 2 times on {target._ui}, as the jobs {first}, {second}. ")
    assert target.stop(job.name, savepoint=False) is None
    assert live(target, job) == []


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
