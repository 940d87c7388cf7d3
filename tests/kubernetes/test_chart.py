"""The chart on the cluster: privileges of the accounts, and passwords that survive an upgrade."""

from __future__ import annotations

import subprocess

import pytest

from tests.kubernetes import cluster
from tests.kubernetes.conftest import NAMESPACE, Cluster, install_chart, secret

SECRETS = ("mysql-root", "olympics-mysql", "olympics-mysql-cdc", "olympics-mysql-reader", "olympic-airflow-connections")


def is_allowed(account: str, verb: str, resource: str, namespace: str = NAMESPACE) -> bool:
    """Return whether the cluster allows the account the verb on the resource."""
    user = f"--as=system:serviceaccount:{NAMESPACE}:{account}"
    command = ["kubectl", "auth", "can-i", verb, resource, user, "--namespace", namespace, "--quiet"]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("patch", "flinkdeployments.flink.apache.org"),
        ("create", "configmaps"),
        ("list", "events"),
        ("get", "pods/log"),
    ],
)
def test_account_of_tasks_is_limited_to_its_namespace(deployed: Cluster, verb: str, resource: str) -> None:
    assert is_allowed("olympic-airflow", verb, resource)
    assert not is_allowed("olympic-airflow", verb, resource, namespace="default")


@pytest.mark.parametrize("account", ["olympic-airflow", "flink"])
def test_no_account_reads_secrets(deployed: Cluster, account: str) -> None:
    for verb in ("get", "list", "watch"):
        assert not is_allowed(account, verb, "secrets")


def test_an_upgrade_keeps_passwords_and_grants(deployed: Cluster) -> None:
    before = {name: secret(name) for name in SECRETS}

    install_chart()

    assert {name: secret(name) for name in SECRETS} == before
    log = cluster.kubectl("--namespace", NAMESPACE, "logs", "job/mysql-users")
    assert "database olympics: unchanged" in log
    assert "created" not in log
    assert "grants changed" not in log
