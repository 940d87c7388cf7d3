"""A user's work on a cluster: deploy, change rows, deploy again, change SQL, lose pods."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from kubernetes.config import new_client_from_config

from infra.jobs.job import JobState
from infra.targets.kubernetes.api import FIELD_MANAGER, KubernetesApi
from infra.targets.kubernetes.reconciled import applied_at, savepoint_of
from infra.waiting import wait_until
from tests.kubernetes import cluster
from tests.kubernetes.conftest import NAMESPACE, Cluster, secret
from tests.kubernetes.figures import note, note_memory, note_privileges, timed
from tests.kubernetes.jobs import create_target
from tests.support.checkout import copy_checkout
from tests.support.olympics_model import SEED, expected_outputs

INSIDE = (
    """airflow db migrate > /dev/null 2>&1 && airflow dags test --conf '{"target": "kubernetes"}' olympics_deploy"""
)
JOBS = ("olympics-players-cdc", "olympics-analytics")


def resource(name: str) -> dict[str, Any]:
    return cluster.get(NAMESPACE, "flinkdeployment", name)


def pods(name: str, component: str) -> list[dict[str, Any]]:
    """Return the metadata of the pods that are not being deleted."""
    found = cluster.get(NAMESPACE, "pods", "--selector", f"app={name},component={component}")
    return [pod["metadata"] for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]


def _uids(found: list[dict[str, Any]]) -> set[str]:
    return {pod["uid"] for pod in found}


def apply_to_running(name: str) -> float:
    """Return the seconds from the last change of the spec to the start of the job, as both clocks report them."""
    api = KubernetesApi(new_client_from_config(), NAMESPACE)
    found = api.get("FlinkDeployment", name)
    assert found
    return int(found["status"]["jobStatus"]["startTime"]) / 1000 - applied_at(found, FIELD_MANAGER).timestamp()


def test_results_of_the_seed_rows(deployed: Cluster) -> None:
    expected = {f"olympics.{topic}": list(values.values()) for topic, values in expected_outputs(SEED).items()}
    lines = {
        topic: sorted(json.dumps(value, sort_keys=True, ensure_ascii=False) for value in values)
        for topic, values in expected.items()
    }
    assert deployed.results() == lines
    for name in JOBS:
        note(f"{name}, apply to running", f"{apply_to_running(name):.0f} s")
    note_memory(NAMESPACE)
    for account in ("olympic-airflow", "flink"):
        note_privileges(NAMESPACE, account)


def test_a_second_deployment_changes_nothing(deployed: Cluster) -> None:
    before = {name: resource(name)["metadata"]["generation"] for name in JOBS}
    steps = ("provision_topics", "seed_mysql", "create_configmaps", "submit_")
    lines = [line for line in deployed.deploy() if line.startswith(steps)]
    assert [line for line in lines if "unchanged" not in line] == []
    assert {name: resource(name)["metadata"]["generation"] for name in JOBS} == before


def test_three_changes_appear_in_the_results(deployed: Cluster) -> None:
    deployed.execute(
        "INSERT INTO players (name, nationality, score) VALUES ('Mary', 'Italy', 9)",
        "UPDATE players SET score = 10 WHERE name = 'Alex'",
        "DELETE FROM players WHERE id = 2",
    )
    note("INSERT, UPDATE and DELETE, until the outputs agree", f"{deployed.await_agreement():.1f} s")
    top = [json.loads(line)["name"] for line in deployed.results()["olympics.top_athletes"]]
    assert sorted(top) == ["Alex", "Josef", "Mary"]


def test_changed_sql_upgrades_through_a_savepoint_and_keeps_the_state(deployed: Cluster, tmp_path: Path) -> None:
    copy_checkout(tmp_path)
    changed = tmp_path / "flink_jobs" / "olympic_statistics" / "analytics" / "61_nationalities.sql"
    changed.write_text("-- Changed.\n" + changed.read_text())
    seed = tmp_path / "flink_jobs" / "olympics" / "data" / "players.csv"
    seed.write_text("id,name,nationality,score\n1,Alex,Austria,3\n3,Josef,US,8\n4,Max,Austria,4\n5,Peter,US,2\n")
    cdc = resource(JOBS[0])["metadata"]["generation"]
    with timed("deployment that upgrades one job, the whole run"):
        lines = deployed.deploy(tmp_path)
    note("upgrade through a savepoint, apply to running again", f"{apply_to_running(JOBS[1]):.0f} s")
    [submission] = [line for line in lines if line.startswith("submit_analytics")]
    assert "changed: olympics.analytics from" in submission
    assert submission.endswith("through a savepoint")
    assert str(savepoint_of(resource(JOBS[1]))).startswith("file:/flink-data/olympics-analytics/savepoints/")
    assert resource(JOBS[0])["metadata"]["generation"] == cdc, "the other job is not touched"
    assert deployed.results() == deployed.expected()


def test_killed_pods_are_replaced_and_the_outputs_agree(deployed: Cluster) -> None:
    target = create_target()
    for component in ("jobmanager", "taskmanager"):
        [victim] = pods(JOBS[1], component)
        begun = time.time()
        cluster.kubectl("--namespace", NAMESPACE, "delete", "pod", victim["name"], "--grace-period=0", "--force")
        uids = {victim["uid"]}  # the new pod can have the same name
        wait_until(lambda part=component, old=uids: _uids(pods(JOBS[1], part)) - old, "a new pod", 120)  # type: ignore[misc]
        deployed.execute("UPDATE players SET score = score + 1", "DELETE FROM players WHERE id = 1")
        deployed.execute("INSERT INTO players VALUES (1, 'Alex', 'Austria', 5)")
        note(f"{component} killed, delay of rows", f"{deployed.await_agreement(180):.1f} s")
        wait_until(
            lambda since=begun: target.status("olympics.analytics").last_checkpoint_at > since * 1000,  # type: ignore[misc]
            "a checkpoint after the kill",
            180,
        )
        note(f"{component} killed, first checkpoint after", f"{time.time() - begun:.1f} s")


def test_a_stopped_job_starts_again_from_its_savepoint(deployed: Cluster) -> None:
    target = create_target()
    savepoint = target.stop("olympics.analytics", savepoint=True)
    assert savepoint is not None
    assert target.stop("olympics.analytics", savepoint=True) is None
    assert target.status("olympics.analytics").state is JobState.STOPPED
    [submission] = [line for line in deployed.deploy() if line.startswith("submit_analytics")]
    assert submission.startswith("submit_analytics: changed: olympics.analytics was STOPPED, runs again as job ")
    assert submission.endswith(f"state from {savepoint}")
    assert deployed.results() == deployed.expected()


def test_airflow_inside_the_cluster_deploys_the_same(deployed: Cluster) -> None:
    settings = {key: value for key, value in deployed.environment().items() if key.startswith("OLYMPIC_STREAMING_KUB")}
    container = {
        "name": "airflow",
        "image": cluster.image("airflow"),
        "command": ["bash", "-c"],
        "args": [INSIDE],
        "env": [{"name": key, "value": value} for key, value in settings.items()],
        "envFrom": [{"secretRef": {"name": "olympic-airflow-connections"}}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "serviceAccountName": "olympic-airflow",
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "deploy-inside"},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}},
    }
    cluster.kubectl("--namespace", NAMESPACE, "apply", "--filename", "-", stdin=json.dumps(job))

    def ended() -> dict[str, Any] | None:
        status: dict[str, Any] = cluster.get(NAMESPACE, "job", "deploy-inside").get("status", {})
        return status if status.get("succeeded") or status.get("failed") else None

    status = wait_until(ended, "the deployment inside the cluster", 420, poll_seconds=2)
    log = cluster.kubectl("--namespace", NAMESPACE, "logs", "job/deploy-inside")
    lines = [line for line in log.splitlines() if "[infra.tasks]" in line]
    assert status.get("succeeded") == 1, "\n".join(lines) + log[-3000:]
    assert any("check_outputs: agreed" in line for line in lines)
    assert deployed.results() == deployed.expected()


def test_no_secret_is_readable_anywhere(deployed: Cluster) -> None:
    """Runs last, so that all output exists; a planted value proves that the search finds one everywhere."""
    names = ("olympics-mysql", "olympics-mysql-cdc", "olympics-mysql-reader", "mysql-root")
    passwords = {name: secret(name)["password"] for name in names}
    planted = os.urandom(8).hex()
    plant(planted)

    outputs = readable_outputs(deployed)

    written = {source for source, text in outputs.items() if text.strip()}
    for expected in ("Airflow outside", "deploy-inside-", "flink-kubernetes-operator-", "kafka-", "mysql-", *JOBS):
        assert any(source.startswith(f"log of {expected}") for source in written), f"{expected} does not have a log"
    assert {"configmaps", "flinkdeployments", "pods", "events", "log of planted"} == {
        source for source, text in outputs.items() if planted in text
    }
    assert [(name, source) for name, value in passwords.items() for source in outputs if value in outputs[source]] == []


def readable_outputs(deployed: Cluster) -> dict[str, str]:
    """Return every text that is readable without a privilege on Secrets: objects, and logs of pods and Airflow."""
    kubectl = ("--namespace", NAMESPACE)
    outputs = {
        kind: cluster.kubectl(*kubectl, "get", kind, "--output", "yaml")
        for kind in ("configmaps", "flinkdeployments", "pods", "events", "services", "jobs", "deployments")
    }
    for pod in cluster.get(NAMESPACE, "pods")["items"]:
        name = pod["metadata"]["name"]
        outputs[f"log of {name}"] = cluster.kubectl(*kubectl, "logs", name, "--all-containers")
    outputs["log of Airflow outside"] = (deployed.folder / "airflow.log").read_text()
    return outputs


def plant(value: str) -> None:
    """Write a value to every source that the search must cover."""
    container = {
        "name": "planted",
        "image": cluster.image("flink"),
        "command": ["echo", value],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "data": {"key": value}},
        {"apiVersion": "v1", "kind": "Pod", "spec": pod},
        {
            "apiVersion": "v1",
            "kind": "Event",
            "message": value,
            "involvedObject": {"kind": "Pod", "name": "planted", "namespace": NAMESPACE},
        },
    ]
    for item in objects:
        item["metadata"] = {"name": "planted", "namespace": NAMESPACE}
        cluster.kubectl("apply", "--filename", "-", stdin=json.dumps(item))
    cluster.kubectl("--namespace", NAMESPACE, "annotate", "flinkdeployment", JOBS[0], f"planted={value}")
    cluster.kubectl("--namespace", NAMESPACE, "wait", "pod/planted", "--for=jsonpath={.status.phase}=Succeeded")
