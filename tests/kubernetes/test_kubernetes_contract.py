"""The target contract on the cluster, and tests of its own: job state to start from, and pruned ConfigMaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.jobs.job import JobSpec, JobStatus
from infra.jobs.upgrade import ensure_running
from infra.targets.kubernetes import KubernetesTarget
from infra.targets.kubernetes.manifests import resource_name
from tests.kubernetes import cluster
from tests.kubernetes.conftest import NAMESPACE
from tests.kubernetes.jobs import create_target, heartbeat
from tests.support.heartbeat import NO_RESTART, SECONDS, await_health, failure_of, submitted, with_statement
from tests.support.target_contract import TargetContract

# Five beats a second, so that the job fails only after some checkpoints.
BEATS_IN_ORDER = b"""CREATE TABLE beats (beat INT) WITH (
    'connector' = 'datagen',
    'rows-per-second' = '5',
    'fields.beat.kind' = 'sequence',
    'fields.beat.start' = '1',
    'fields.beat.end' = '100000'
)"""
COUNTS_UP_TO = b"INSERT INTO counts SELECT beat, COUNT(10 / (%d - beat)) FROM beats GROUP BY beat"


@pytest.fixture(scope="module", name="target")
def target_(platform: str) -> KubernetesTarget:
    return create_target()


@pytest.fixture
def job(target: KubernetesTarget) -> Iterator[JobSpec]:
    """A job under a name of its own, deleted after the test."""
    job = heartbeat()
    yield job
    target.delete(job.name)


class TestKubernetesContract(TargetContract):
    healthy_seconds = SECONDS

    def changed(self, job: JobSpec) -> JobSpec:
        return replace(job, arguments={"least": "1"})

    def assert_upgraded(self, how: str, before: JobStatus, after: JobStatus) -> None:
        """The operator takes the savepoint and starts the job from it under the same id."""
        assert how == "through a savepoint"
        assert after.job_id == before.job_id
        assert after.submitted_at > before.submitted_at


def test_job_stopped_without_a_savepoint_starts_from_its_last_checkpoint(
    target: KubernetesTarget, job: JobSpec
) -> None:
    running = await_health(target, submitted(target, job))
    page = f"http://{resource_name(job.name)}-rest.{NAMESPACE}:8081/#/job/running/{running.job_id}"
    assert running.url == page
    target.stop(job.name, savepoint=False)

    submission = ensure_running(target, job)
    status = await_health(target, job)

    head, _, state = submission.detail.partition(", state from ")
    assert head == f"{job.name} was STOPPED, runs again as job {status.job_id}"
    assert "/chk-" in state


def test_failed_job_starts_again_from_its_last_checkpoint(target: KubernetesTarget, job: JobSpec) -> None:
    counted = {**job.files, "10_beats.sql": BEATS_IN_ORDER}
    failing = with_statement(replace(job, files=counted), COUNTS_UP_TO % 60, **NO_RESTART)
    error = failure_of(target, submitted(target, failing))
    assert str(error) == f"{job.name} is FAILED: java.lang.ArithmeticException: / by zero"
    state = target.status(job.name).restorable_state
    fixed = with_statement(replace(job, files=counted), COUNTS_UP_TO % 1_000_000)
    target.ensure_scripts(fixed)

    submission = ensure_running(target, fixed)
    status = await_health(target, fixed)

    assert "/chk-" in str(state)
    assert submission.detail == f"{job.name} was FAILED, runs again as job {status.job_id}, state from {state}"


def test_unused_config_maps_of_job_scripts_are_pruned(target: KubernetesTarget, job: JobSpec) -> None:
    revisions = [replace(job, arguments={"least": str(least)}) for least in range(6)]
    await_health(target, submitted(target, revisions[0]))
    for revision in revisions[1:]:
        target.ensure_scripts(revision)

    kept = revisions_with_scripts(job)

    assert revisions[0].revision in kept, "the revision that runs"
    assert [each.revision for each in revisions[1:] if each.revision in kept] == [
        each.revision for each in revisions[-3:]
    ]


def revisions_with_scripts(job: JobSpec) -> set[str]:
    """Return the revisions whose job scripts are on the cluster."""
    found = cluster.get(NAMESPACE, "configmaps", "--selector", f"app.kubernetes.io/name={resource_name(job.name)}")
    return {item["metadata"]["annotations"]["olympic-streaming/revision"] for item in found["items"]}
