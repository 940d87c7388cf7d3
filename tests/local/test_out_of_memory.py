"""A job that fills the heap of the TaskManager that it shares with another job."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from infra.jobs.job import JobSpec, JobState, JobStatus
from infra.jobs.upgrade import ensure_running
from infra.orchestration.triggers import JobHealthTrigger
from infra.settings import PREFIX
from infra.stacks.local.private import private_environment
from infra.targets.local import local_target
from infra.targets.session import SessionTarget
from infra.waiting import wait_until
from tests.local.conftest import Stack, running_stack
from tests.support.heartbeat import await_health, healthy, heartbeat_job, submitted, with_statement

MEMORY_MB = 1536
SECONDS = 300.0
LONG_BEATS = b"""CREATE TABLE beats (beat STRING) WITH (
    'connector' = 'datagen', 'rows-per-second' = '1000', 'fields.beat.length' = '50000'
)"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A local stack with the smallest TaskManager."""
    environ = {
        **private_environment(tmp_path_factory.mktemp("small") / "data"),
        f"{PREFIX}FLINK_TASKMANAGER_MEMORY_MB": str(MEMORY_MB),
    }
    with running_stack(environ) as running:
        yield running


@pytest.fixture
def target(small: Stack) -> SessionTarget:
    return local_target(small.settings)


def growing_job() -> JobSpec:
    """Return a job that keeps each of its long records on the heap, and takes no checkpoint before the heap is full."""
    job = heartbeat_job(**{"execution.checkpointing.interval": "1 h", "state.backend.type": "hashmap"})
    statement = b"INSERT INTO counts SELECT 1, COUNT(*) FROM beats GROUP BY beat"
    return with_statement(replace(job, files={**job.files, "10_beats.sql": LONG_BEATS}), statement)


def event_of_the_wait(job: JobSpec) -> dict[str, Any]:
    """Wait for the job as the task `wait_for_<job>` does, and return the event that ends the wait."""

    async def first() -> dict[str, Any]:
        async for event in JobHealthTrigger("local", job.name, job.revision, SECONDS).run():
            return dict(event.payload)
        raise AssertionError("the trigger ended without an event")

    return asyncio.run(first())


def healthy_after(target: SessionTarget, job: JobSpec, failed_at: int) -> JobStatus | None:
    """Return the job's status if it is healthy again after a failure later than `failed_at`."""
    status = healthy(target, job)
    return status if status and status.last_failure_at > failed_at else None


def test_wait_ends_with_the_setting_and_the_other_job_stays_up(
    small: Stack, target: SessionTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in small.environ.items():
        monkeypatch.setenv(name, value)
    other, growing = submitted(target, heartbeat_job()), growing_job()
    before = await_health(target, other)
    worker = small.pid("flink-taskmanager")
    submitted(target, growing)

    event = event_of_the_wait(growing)

    assert event["error"] == "JobMemoryError", event
    assert re.fullmatch(
        rf"{growing.name} ran out of memory: its TaskManager ended because the heap was full\. "
        rf"All jobs share taskmanager_memory_mb of \[flink\], which is {MEMORY_MB} MiB\. "
        r"Raise it in settings\.local\.toml, or with OLYMPIC_STREAMING_FLINK_TASKMANAGER_MEMORY_MB, and deploy again "
        r"\(see \S+\)\. It was stopped, so that the other jobs keep running; its job state is kept\.",
        event["detail"],
    )
    assert target.status(growing.name).state is JobState.STOPPED
    assert small.pid("flink-taskmanager") != worker
    recovered = wait_until(lambda: healthy_after(target, other, before.last_failure_at), "its recovery", SECONDS)
    assert recovered.job_id == before.job_id
    wait_until(
        lambda: target.status(other.name).last_checkpoint_at > recovered.last_checkpoint_at,
        f"another checkpoint of {other.name}",
        SECONDS,
    )
    after = target.status(other.name)
    assert after.state is JobState.RUNNING
    assert after.last_failure_at < recovered.last_checkpoint_at
    fixed = replace(heartbeat_job(), name=growing.name)
    target.ensure_scripts(fixed)
    assert ensure_running(target, fixed).change in ("created", "changed")
    await_health(target, fixed)
