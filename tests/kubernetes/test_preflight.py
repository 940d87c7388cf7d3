"""The preflight of the operator on the cluster: every failure is provoked, and nothing is created."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from kubernetes.client import ApiClient
from kubernetes.config import new_client_from_config

from infra.errors import PlatformError, PreflightError, SetupError
from infra.targets.kubernetes import KubernetesTarget, api
from tests.kubernetes import cluster
from tests.kubernetes.conftest import NAMESPACE
from tests.kubernetes.jobs import create_target

UNWATCHED = f"{NAMESPACE}-preflight"
NAME = cluster.OPERATOR_RELEASE
OPERATOR = f"Flink Kubernetes Operator {NAMESPACE}/{NAME}"
IN_NAMESPACE = ("kubectl", "--namespace", NAMESPACE)


@pytest.fixture(name="target")
def target_(platform: str) -> KubernetesTarget:
    return create_target()


@pytest.fixture
def unwatched(platform: str) -> Iterator[str]:
    cluster.ensure_namespace(UNWATCHED)
    yield UNWATCHED
    cluster.delete_namespace(UNWATCHED)


def error_of(target: KubernetesTarget) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        target.check_ready()
    return caught.value


def as_account(namespace: str, account: str) -> ApiClient:
    """Return a client with the token of a service account, in place of the administrator's certificate."""
    client = new_client_from_config()
    token = cluster.kubectl("--namespace", namespace, "create", "token", account, "--duration=10m").strip()
    client.configuration.cert_file = client.configuration.key_file = None
    client.configuration.api_key = {"authorization": f"Bearer {token}"}
    return type(client)(client.configuration)


def expected_lines() -> list[str]:
    version = cluster.get(NAMESPACE, "deployment", NAME)["metadata"]["labels"]["app.kubernetes.io/version"]
    return [
        f"custom resource FlinkDeployment: accepts {cluster.flink_version()}",
        f"{OPERATOR}: version {version}, watches {NAMESPACE}",
    ]


def test_installed_operator_passes(target: KubernetesTarget) -> None:
    assert target.check_ready() == expected_lines()


def test_account_of_airflow_sees_the_operator_of_its_namespace(platform: str) -> None:
    limited = create_target(client=as_account(NAMESPACE, "olympic-airflow"))

    assert limited.check_ready() == expected_lines()


def test_flink_version_that_the_custom_resource_does_not_accept(platform: str) -> None:
    error = error_of(create_target(flink_version="v0_9"))

    assert type(error) is PreflightError
    assert re.fullmatch(
        r"kubernetes\.flink_version is v0_9, but the custom resource FlinkDeployment accepts only v1_\d+(, v\d_\d+)+\. "
        r"Set OLYMPIC_STREAMING_KUBERNETES_FLINK_VERSION to one of these, or upgrade the operator and its custom "
        r"resource definitions\.",
        str(error),
    )


def test_namespace_that_no_operator_watches(unwatched: str) -> None:
    assert str(error_of(create_target(unwatched))) == (
        f"no operator watches namespace {unwatched}: {OPERATOR} watches {NAMESPACE}. "
        "Add the namespace to watchNamespaces in the operator's values, and upgrade its release."
    )


def test_operator_without_a_ready_pod(target: KubernetesTarget) -> None:
    cluster.run(*IN_NAMESPACE, "scale", "deployment", NAME, "--replicas=0")
    try:
        cluster.run(*IN_NAMESPACE, "wait", "pod", "--for=delete", "--selector", f"app.kubernetes.io/name={NAME}")
        assert str(error_of(target)) == (
            f"{OPERATOR}: it does not have a ready pod. Expected one. Find the reason with "
            f"`kubectl -n {NAMESPACE} describe pods`."
        )
    finally:
        cluster.run(*IN_NAMESPACE, "scale", "deployment", NAME, "--replicas=1")
        cluster.run(*IN_NAMESPACE, "rollout", "status", f"deployment/{NAME}")


def test_operator_that_is_too_old(target: KubernetesTarget) -> None:
    label = "app.kubernetes.io/version"
    version = cluster.get(NAMESPACE, "deployment", NAME)["metadata"]["labels"][label]
    cluster.run(*IN_NAMESPACE, "label", "--overwrite", "deployment", NAME, f"{label}=1.6.1")
    try:
        assert str(error_of(target)) == (
            f"{OPERATOR}: its version is 1.6.1. Expected 1.7.0 or later. "
            "Upgrade it and its custom resource definitions."
        )
    finally:
        cluster.run(*IN_NAMESPACE, "label", "--overwrite", "deployment", NAME, f"{label}={version}")


def test_cluster_without_the_custom_resource(target: KubernetesTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster returns the same response for an unknown version as for an unknown kind."""
    monkeypatch.setattr(api, "GROUP", api.GROUP.replace("v1beta1", "v0"))

    error = error_of(target)

    assert type(error) is SetupError
    assert str(error) == (
        "the cluster does not have the custom resource FlinkDeployment. "
        "Install the Flink Kubernetes Operator with its CRDs."
    )
