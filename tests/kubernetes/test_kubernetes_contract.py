"""The target contract on the cluster, and tests of its own: job state to start from, and what is deleted when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from kubernetes.config import new_client_from_config

from infra.jobs.job import JobSpec, JobState, JobStatus
from infra.jobs.upgrade import ensure_running
from infra.targets.kubernetes import KubernetesTarget
from infra.targets.kubernetes.api import KubernetesApi
from infra.targets.kubernetes.manifests import KEPT_REVISIONS, resource_name
from infra.targets.kubernetes.snapshots import snapshots_of
from infra.waiting import wait_until
from tests.kubernetes import cluster
from tests.kubernetes.conftest import NAMESPACE
from tests.kubernetes.jobs import create_target, heartbeat
from tests.support.heartbeat import (
    NO_RESTART,
    SECONDS,
    await_health,
    changed_job,
    failure_of,
    submitted,
    with_statement,
)
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


def has_snapshots() -> bool:
    """Return whether the operator has FlinkStateSnapshots, as from 1.10 on."""
    return "FlinkStateSnapshot" in {definition["spec"]["names"]["kind"] for definition in cluster.operator_crds()}


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
        return changed_job(job)

    def assert_upgraded(self, how: str, before: JobStatus, after: JobStatus) -> None:
        """The operator takes the savepoint and starts the job from it; newer ones choose a new id."""
        assert how == "through a savepoint"
        assert (after.job_id != before.job_id) == has_snapshots()
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


def test_revision_that_cannot_start_passes_its_savepoint_on(target: KubernetesTarget, job: JobSpec) -> None:
    await_health(target, submitted(target, job))
    savepoint = target.stop(job.name, savepoint=True)
    broken, without_image = replace(job, image="absent"), create_target(image="olympic-streaming/absent:0.0.0")
    without_image.ensure_scripts(broken)
    ensure_running(without_image, broken)
    assert "cannot be pulled" in str(failure_of(without_image, broken))

    submission = ensure_running(target, job)
    status = await_health(target, job)

    assert savepoint
    assert submission.detail == f"{job.name} was FAILED, runs again as job {status.job_id}, state from {savepoint}"


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


@pytest.fixture
def snapshots(target: KubernetesTarget) -> KubernetesApi:
    """The API of a cluster with FlinkStateSnapshots; a test of it is not collected for an operator without them."""
    assert has_snapshots()
    return KubernetesApi(new_client_from_config(), NAMESPACE)


def savepoint_on_demand(job: JobSpec, name: str, **savepoint: object) -> dict[str, Any]:
    """Return a FlinkStateSnapshot as in docs/kubernetes.md."""
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkStateSnapshot",
        "metadata": {"name": f"{resource_name(job.name)}-{name}", "namespace": NAMESPACE},
        "spec": {
            "jobReference": {"kind": "FlinkDeployment", "name": resource_name(job.name)},
            "savepoint": {"formatType": "CANONICAL", **savepoint},
        },
    }


def await_completed(api: KubernetesApi, snapshot: dict[str, Any]) -> str:
    """Wait until the operator has the savepoint, and return its path."""
    name = snapshot["metadata"]["name"]

    def path() -> str | None:
        status = (api.get("FlinkStateSnapshot", name) or {}).get("status", {})
        assert status.get("state") not in ("FAILED", "ABANDONED"), status
        return status.get("path") if status.get("state") == "COMPLETED" else None

    return wait_until(path, f"the savepoint {name}", SECONDS)


def await_next_second(api: KubernetesApi, metadata: dict[str, Any]) -> None:
    """Wait until an object that is created next is newer, because the operator compares times in seconds."""

    def later() -> bool:
        api.get("FlinkStateSnapshot", metadata["name"])
        return api.now > datetime.fromisoformat(metadata["creationTimestamp"])

    wait_until(later, "the next second", 5)


def test_deleted_job_leaves_no_savepoint_even_if_it_has_failed(
    target: KubernetesTarget, job: JobSpec, snapshots: KubernetesApi
) -> None:
    """The operator disposes of savepoints by a running job only, and would keep them forever without one."""
    name = resource_name(job.name)
    await_health(target, submitted(target, job))
    changed = changed_job(job)
    target.ensure_scripts(changed)
    ensure_running(target, changed)
    await_health(target, changed)
    disposable = savepoint_on_demand(job, "disposable")  # `disposeOnDelete` is true by default
    snapshots.apply(disposable)
    assert "/savepoints/savepoint-" in await_completed(snapshots, disposable)
    kinds = {each["metadata"]["labels"]["snapshot.trigger-type"] for each in snapshots_of(snapshots, name)}
    assert kinds == {"MANUAL", "UPGRADE"}
    target.stop(job.name, savepoint=False)

    target.delete(job.name)

    assert snapshots_of(snapshots, name) == []
    assert target.status(job.name).state is JobState.MISSING


def test_savepoints_of_as_many_upgrades_are_kept_as_revisions(
    target: KubernetesTarget, job: JobSpec, snapshots: KubernetesApi
) -> None:
    await_health(target, submitted(target, job))
    names = []
    for number in range(KEPT_REVISIONS + 2):
        existing = savepoint_on_demand(job, str(number), path="file:/a", alreadyExists=True, disposeOnDelete=False)
        existing["metadata"]["labels"] = {"snapshot.trigger-type": "UPGRADE"}  # as the operator labels its own
        created = snapshots.apply(existing)["metadata"]
        names.append(created["name"])
        await_completed(snapshots, existing)
        await_next_second(snapshots, created)

    def kept() -> list[str]:
        return sorted(each["metadata"]["name"] for each in snapshots_of(snapshots, resource_name(job.name)))

    wait_until(lambda: kept() == names[-KEPT_REVISIONS:], f"only {names[-KEPT_REVISIONS:]} to be kept", 60)


def revisions_with_scripts(job: JobSpec) -> set[str]:
    """Return the revisions whose job scripts are on the cluster."""
    found = cluster.get(NAMESPACE, "configmaps", "--selector", f"app.kubernetes.io/name={resource_name(job.name)}")
    return {item["metadata"]["annotations"]["olympic-streaming/revision"] for item in found["items"]}
