"""What a cluster has of the Flink operator: the custom resource, and the operators with the namespaces they watch."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.errors import AccessDeniedError
from infra.targets.kubernetes.api import KubernetesApi, Manifest, Manifests

# Variables that the operator's own chart sets; the name of the Deployment can be changed by `nameOverride`.
_VARIABLES = {"OPERATOR_NAME", "OPERATOR_NAMESPACE"}
_WATCHED_VARIABLE = "WATCH_NAMESPACES"
_WATCHED_OPTION = re.compile(r"^\s*(?:kubernetes\.operator\.)?watched\.namespaces:(.*)$", re.MULTILINE)
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Operator:
    """One Deployment of the operator. An empty `watched` means all namespaces, and None an unknown version or list."""

    namespace: str
    name: str
    version: str | None
    watched: tuple[str, ...] | None
    ready: bool

    def watches(self, namespace: str) -> bool:
        """Return whether the operator reconciles resources in the namespace, or could."""
        return not self.watched or namespace in self.watched

    def __str__(self) -> str:
        return f"Flink Kubernetes Operator {self.namespace}/{self.name}"


@dataclass(frozen=True)
class OperatorFacts:
    """The Flink versions that FlinkDeployment accepts, and all operators that the account can see.

    `complete` is False if it can see only its own namespace.
    """

    flink_versions: tuple[str, ...]
    operators: tuple[Operator, ...]
    complete: bool


def read_operator_facts(api: KubernetesApi) -> OperatorFacts:
    """Read the facts; SetupError if the cluster does not have the custom resource FlinkDeployment."""
    api.flink_kinds()
    found, complete = _deployments(api)
    operators = tuple(_operator(api, deployment) for deployment in found if _is_operator(deployment))
    return OperatorFacts(_flink_versions(api), operators, complete)


def _flink_versions(api: KubernetesApi) -> tuple[str, ...]:
    """Return the names that the schema accepts; the published schema needs no privilege, unlike the definition."""
    spec = api.flink_schema("FlinkDeployment").get("properties", {}).get("spec", {})
    return tuple(spec.get("properties", {}).get("flinkVersion", {}).get("enum", ()))


def _deployments(api: KubernetesApi) -> tuple[Manifests, bool]:
    """Return the Deployments of all namespaces and True, or those of our namespace and False."""
    try:
        return api.list_everywhere("Deployment"), True
    except AccessDeniedError:
        return api.list("Deployment"), False


def _containers(deployment: Manifest) -> Manifests:
    containers: Manifests = deployment["spec"]["template"]["spec"]["containers"]
    return containers


def _environment(deployment: Manifest) -> dict[str, str]:
    variables = [entry for container in _containers(deployment) for entry in container.get("env", [])]
    return {entry["name"]: entry.get("value", "") for entry in variables}


def _is_operator(deployment: Manifest) -> bool:
    return _environment(deployment).keys() >= _VARIABLES


def _operator(api: KubernetesApi, deployment: Manifest) -> Operator:
    metadata = deployment["metadata"]
    return Operator(
        metadata["namespace"],
        metadata["name"],
        _version(deployment),
        _watched(api.in_namespace(metadata["namespace"]), deployment),
        deployment.get("status", {}).get("readyReplicas", 0) > 0,
    )


def _version(deployment: Manifest) -> str | None:
    """Return the version of the label, which the operator's own chart sets, else the tag of the image."""
    label = deployment["metadata"].get("labels", {}).get("app.kubernetes.io/version", "")
    tags = [container["image"].partition("@")[0].rpartition(":")[2] for container in _containers(deployment)]
    return next((text for text in (label, *tags) if _VERSION.fullmatch(text)), None)


def _watched(api: KubernetesApi, deployment: Manifest) -> tuple[str, ...] | None:
    """Return the watched namespaces: those of the variable, else of the last such line of the configuration."""
    found = _environment(deployment).get(_WATCHED_VARIABLE)
    if found is None:
        try:
            texts = _configuration(api, deployment)
        except AccessDeniedError:
            return None
        found = next((lines[-1] for text in texts if (lines := _WATCHED_OPTION.findall(text))), "")
    return tuple(name.strip(" \"'") for name in found.split(",") if name.strip(" \"'"))


def _configuration(api: KubernetesApi, deployment: Manifest) -> list[str]:
    volumes = deployment["spec"]["template"]["spec"].get("volumes", [])
    names = [volume["configMap"]["name"] for volume in volumes if "configMap" in volume]
    return [text for name in names for text in (api.get("ConfigMap", name) or {}).get("data", {}).values()]
