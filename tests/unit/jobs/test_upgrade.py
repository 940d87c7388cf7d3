"""Bringing a job to its revision if the job or the target fails on the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from infra.errors import JobFailedError, WaitTimeoutError
from infra.jobs.job import JobSpec, JobState
from infra.jobs.upgrade import ensure_running, ensure_started_from_scratch
from infra.targets.memory import MemoryTarget
from tests.support.jobs import JOB

OTHER = replace(JOB, parallelism=2)


@dataclass
class WithoutSavepoints(MemoryTarget):
    """A target whose savepoints fail, as for a job that cannot complete a checkpoint."""

    requested: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def stop(self, job_name: str, savepoint: bool) -> str | None:
        self.requested.append(savepoint)
        if savepoint:
            raise JobFailedError(f"job {job_name}: the savepoint failed")
        return super().stop(job_name, savepoint=False)


def running(target: MemoryTarget, job: JobSpec = JOB) -> MemoryTarget:
    for each in (job, OTHER):
        target.ensure_scripts(each)
    ensure_running(target, job)
    return target


def test_failed_job_starts_from_its_last_checkpoint() -> None:
    target = running(MemoryTarget())
    target.fail(JOB.name, "boom")
    checkpoint = target.status(JOB.name).restorable_state

    submission = ensure_running(target, JOB)

    assert checkpoint == "memory://games.cdc/checkpoint-3"
    assert str(submission) == f"changed: games.cdc was FAILED, runs again as job run-4, state from {checkpoint}"
    status = target.status(JOB.name)
    assert (status.state, status.restorable_state) == (JobState.RUNNING, checkpoint)


def test_failed_job_with_a_new_revision_starts_from_its_last_checkpoint() -> None:
    target = running(MemoryTarget())
    target.fail(JOB.name, "boom")

    submission = ensure_running(target, OTHER)

    assert submission.detail.endswith("state from memory://games.cdc/checkpoint-3")
    assert target.status(JOB.name).revision == OTHER.revision


def test_upgrade_takes_a_savepoint_and_starts_from_it() -> None:
    target = running(MemoryTarget())

    submission = ensure_running(target, OTHER)

    assert str(submission) == (
        f"changed: games.cdc from {JOB.revision} to {OTHER.revision} as job run-4, "
        "state from memory://games.cdc/savepoint-3"
    )
    assert target.status(JOB.name).restorable_state == "memory://games.cdc/savepoint-3"


def test_healthy_job_whose_savepoint_fails_keeps_running() -> None:
    target = WithoutSavepoints()
    running(target)

    with pytest.raises(JobFailedError, match=r"^job games\.cdc: the savepoint failed$"):
        ensure_running(target, OTHER)

    assert target.requested == [True]
    assert (target.status(JOB.name).state, target.status(JOB.name).revision) == (JobState.RUNNING, JOB.revision)


def test_crash_looping_job_whose_savepoint_fails_is_upgraded_from_its_checkpoint() -> None:
    target = WithoutSavepoints()
    running(target)
    target.fail(JOB.name, "boom")
    target.show(JOB.name, state=JobState.RESTARTING)

    submission = ensure_running(target, OTHER)

    assert target.requested == [True, False]
    assert submission.detail.endswith("state from memory://games.cdc/checkpoint-3")


def test_starting_job_without_a_reported_revision_is_not_touched() -> None:
    target = running(MemoryTarget())
    target.show(JOB.name, state=JobState.STARTING, revision=None)

    with pytest.raises(WaitTimeoutError) as caught:
        ensure_running(target, JOB)

    assert (
        str(caught.value) == "games.cdc is STARTING and does not report its revision yet. Try again in a few seconds."
    )
    assert target.status(JOB.name).job_id == "run-1"


def test_job_that_is_being_upgraded_to_the_revision_does_not_report_the_id_of_the_run_before() -> None:
    target = running(MemoryTarget())
    target.show(JOB.name, state=JobState.STARTING, job_id=None)

    with pytest.raises(WaitTimeoutError) as caught:
        ensure_running(target, JOB)

    assert str(caught.value) == (
        f"games.cdc is STARTING at revision {JOB.revision}, and does not have an id yet. Try again in a few seconds."
    )


def test_job_started_from_scratch_has_no_state() -> None:
    target = running(MemoryTarget())
    target.stop(JOB.name, savepoint=True)

    submission = ensure_started_from_scratch(target, JOB)

    assert str(submission) == f"created: games.cdc from scratch at revision {JOB.revision} as job run-4"
    assert target.status(JOB.name).restorable_state is None
    assert target.ensure_scripts(OTHER) == "created", "all job scripts of the job were deleted"


def test_logs_of_a_failed_job_have_its_cause() -> None:
    target = running(MemoryTarget())
    assert target.logs(JOB.name) == "games.cdc: no failure"

    target.fail(JOB.name, "boom")

    assert target.logs(JOB.name) == "boom"
