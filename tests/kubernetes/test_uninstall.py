"""The commands of docs/kubernetes.md that delete everything end with the namespace gone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest
from kubernetes.config import new_client_from_config

from infra.jobs.upgrade import ensure_running
from infra.settings import ROOT
from infra.targets.kubernetes.api import KubernetesApi
from infra.targets.kubernetes.manifests import resource_name
from infra.targets.kubernetes.snapshots import snapshots_of
from tests.kubernetes import cluster
from tests.kubernetes.conftest import NAMESPACE
from tests.kubernetes.jobs import create_target, heartbeat
from tests.kubernetes.test_kubernetes_contract import has_snapshots
from tests.support.heartbeat import await_health, changed_job, submitted

ELSEWHERE = f"{NAMESPACE}-uninstall"
WITHOUT_SYSTEMS = (
    "--set",
    "kafka.enabled=false,kafka.bootstrapServers=kafka:9092,mysql.enabled=false,mysql.host=mysql,secrets.create=false",
)


def documented_commands() -> list[list[str]]:
    """Return the commands of the section, for the namespace of this test.

    Airflow is not installed here, and the custom resource definitions belong to the namespaces of other tests, too.
    """
    page = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    section = page.partition("\n## Uninstall\n")[2].partition("\n## ")[0]
    lines = [line.removeprefix("$ ") for line in section.splitlines() if line.startswith("$ ")]
    assert lines[-1].startswith("kubectl get crds")
    words = [shlex.split(line.replace("olympic-streaming", ELSEWHERE)) for line in lines[:-1]]
    commands = [[word for word in command if word != "airflow"] for command in words]
    return [command for command in commands if has_snapshots() or "flinkstatesnapshots" not in command]


@pytest.fixture
def installed(platform: str) -> Iterator[str]:
    """A namespace of its own with an operator and the chart, without Kafka and MySQL."""
    try:
        cluster.install_operator(ELSEWHERE)
        cluster.install_chart(ELSEWHERE, *WITHOUT_SYSTEMS)
        yield ELSEWHERE
    finally:
        cluster.delete_namespace(ELSEWHERE)


def test_documented_commands_end_with_the_namespace_gone(installed: str) -> None:
    target, job = create_target(installed), heartbeat()
    await_health(target, submitted(target, job))
    changed = changed_job(job)
    target.ensure_scripts(changed)
    ensure_running(target, changed)
    await_health(target, changed)
    savepoints = snapshots_of(KubernetesApi(new_client_from_config(), installed), resource_name(job.name))
    assert len(savepoints) == int(has_snapshots())

    for command in documented_commands():
        cluster.run(*command)

    assert cluster.get_or_none(installed, "namespace", installed) is None
