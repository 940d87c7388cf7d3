"""The operator's autoscaler: `analytics` gets a second TaskManager under load and gives it back; results stay right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from kubernetes.config import new_client_from_config

from infra.checks.outputs import check_outputs
from infra.endpoints import KafkaEndpoint
from infra.jobs.job import JobSpec
from infra.jobs.render import render_job
from infra.jobs.upgrade import ensure_running
from infra.targets.kubernetes.api import KubernetesApi
from infra.targets.kubernetes.manifests import SECRETS
from infra.waiting import wait_until
from tests.kubernetes import cluster
from tests.kubernetes.conftest import NAMESPACE, Cluster
from tests.kubernetes.figures import timed
from tests.kubernetes.jobs import create_target
from tests.support.background import repeating
from tests.support.heartbeat import await_health

JOB, RESOURCE = "olympics.analytics", "olympics-analytics"
ROWS = 5_000
FIRST_ID = 1_000_000
SECONDS = 420
# Thresholds and windows are small, so that a test machine reaches them, and the test does not take an hour.
# Operators 1.7 and 1.15 both read these names.
OPTIONS = {
    "job.autoscaler.enabled": "true",
    "job.autoscaler.vertex.max-parallelism": "2",
    "job.autoscaler.target.utilization": "0.15",
    "job.autoscaler.target.utilization.boundary": "0.07",
    "job.autoscaler.metrics.window": "20 s",
    "job.autoscaler.stabilization.interval": "5 s",
    "job.autoscaler.scale-down.interval": "10 s",
    "job.autoscaler.scale-up.grace-period": "10 s",  # the name of 1.7 for the same
    "job.autoscaler.restart.time": "30 s",
    "job.autoscaler.catch-up.duration": "2 min",
}


def deployed_job(deployed: Cluster) -> JobSpec:
    """Return `analytics` as the deployment rendered it."""
    return render_job(
        deployed.pipeline, "analytics", KafkaEndpoint("kafka:9092"), None, SECRETS, cluster.image("flink")
    )


def running_parallelism() -> int | None:
    """Return the largest parallelism of the tasks that run; None while the job restarts."""
    api = KubernetesApi(new_client_from_config(), NAMESPACE)
    job_id = (api.get("FlinkDeployment", RESOURCE) or {})["status"]["jobStatus"]["jobId"]
    found = api.service(f"{RESOURCE}-rest", 8081, f"/jobs/{job_id}") or {}
    return max((vertex["parallelism"] for vertex in found["vertices"]), default=0) if found else None


def task_managers() -> int:
    found = cluster.get(NAMESPACE, "pods", "--selector", f"app={RESOURCE},component=taskmanager")
    return len([pod for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]])


def check(deployed: Cluster) -> None:
    """Compare every result with its recomputation, as the task `check_outputs` does, even while rows change."""
    check_outputs(deployed.pipeline, deployed.endpoint("mysql-reader"), deployed.kafka, list, str)


def is_right_and_runs_with(deployed: Cluster, parallelism: int) -> bool:
    """Check the results, and return whether the job runs with the parallelism."""
    check(deployed)
    return runs_with(parallelism)


def runs_with(parallelism: int) -> bool:
    return (running_parallelism(), task_managers()) == (parallelism, parallelism)


def changing(deployed: Cluster, rows: int, pause: float) -> AbstractContextManager[None]:
    """Change the scores of that many rows, with pauses in seconds, until the end of the block."""
    ids = f"BETWEEN {FIRST_ID} AND {FIRST_ID + rows - 1}"
    statement = f"UPDATE players SET score = (score + 1) % 100 WHERE id {ids}"
    return repeating(lambda: deployed.execute(statement), pause)


@pytest.fixture
def many_rows(deployed: Cluster) -> Iterator[None]:
    values = [f"({FIRST_ID + n}, 'Athlete {n}', 'Nation {n % 50}', {n % 100})" for n in range(ROWS)]
    deployed.execute(f"INSERT INTO players (id, name, nationality, score) VALUES {', '.join(values)}")
    yield
    deployed.execute(f"DELETE FROM players WHERE id >= {FIRST_ID}")
    deployed.await_agreement()


def test_analytics_scales_up_and_down_and_the_results_are_right_all_the_time(
    deployed: Cluster, many_rows: None
) -> None:
    target, job = create_target(), deployed_job(deployed)
    scaled = replace(job, parallelism=1, configuration={**job.configuration, **OPTIONS})
    target.ensure_scripts(scaled)
    ensure_running(target, scaled)
    await_health(target, scaled)
    assert (running_parallelism(), task_managers()) == (1, 1)
    try:
        with timed("autoscaler, from 1 to 2 under load"), changing(deployed, ROWS, pause=1):
            wait_until(lambda: runs_with(2), f"{JOB} to get a second TaskManager", SECONDS, 2)
        deployed.await_agreement(SECONDS)  # a machine that is busy has fallen behind
        with timed("autoscaler, from 2 to 1 with little load"), changing(deployed, 10, pause=2):
            wait_until(lambda: is_right_and_runs_with(deployed, 1), f"{JOB} to return its second TaskManager", SECONDS)
            check(deployed)
        assert ensure_running(target, scaled).change == "unchanged"
    finally:
        target.ensure_scripts(job)
        ensure_running(target, job)
        await_health(target, job)
