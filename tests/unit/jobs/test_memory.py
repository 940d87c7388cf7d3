"""What becomes of a job that ran out of memory: it is stopped only if others gain from it."""

from __future__ import annotations

import pytest

from infra.errors import UnreachableError
from infra.jobs.job import JobState
from infra.jobs.memory import stop_for_other_jobs
from infra.targets.memory import MemoryTarget
from tests.support.jobs import JOB


@pytest.fixture
def target() -> MemoryTarget:
    """A target with a job that has just been submitted."""
    target = MemoryTarget()
    target.ensure_scripts(JOB)
    target.submit(JOB, "memory://savepoint-1")
    target.show(JOB.name, state=JobState.RESTARTING, last_checkpoint_at=0)
    return target


def test_new_job_is_stopped_and_keeps_its_job_state(target: MemoryTarget) -> None:
    assert stop_for_other_jobs(target, JOB.name) == (
        "It was stopped, so that the other jobs keep running; its job state is kept."
    )
    status = target.status(JOB.name)
    assert (status.state, status.restorable_state) == (JobState.STOPPED, "memory://savepoint-1")


def test_job_that_ran_before_is_not_stopped(target: MemoryTarget) -> None:
    target.show(JOB.name, last_checkpoint_at=200)

    assert stop_for_other_jobs(target, JOB.name) == (
        "It was not stopped, because it ran before; it restarts from its last checkpoint, as all others do."
    )
    assert target.status(JOB.name).state is JobState.RESTARTING


def test_job_with_task_managers_of_its_own_is_not_stopped(
    target: MemoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "shares_task_managers", False)

    assert stop_for_other_jobs(target, JOB.name) == "No other job uses its TaskManagers."
    assert target.status(JOB.name).state is JobState.RESTARTING


def test_failed_stop_is_part_of_the_message(target: MemoryTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise UnreachableError("Flink does not answer")

    monkeypatch.setattr(target, "stop", unreachable)

    assert stop_for_other_jobs(target, JOB.name) == (
        "It could not be stopped, and can end the TaskManagers of other jobs again: Flink does not answer"
    )
