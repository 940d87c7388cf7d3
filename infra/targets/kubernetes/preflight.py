"""The preflight of the target `kubernetes`: an operator that can run our jobs, checked before anything is created."""

from __future__ import annotations

from infra.errors import PreflightError
from infra.targets.kubernetes.operator_facts import Operator, OperatorFacts
from infra.versions import load_versions

_INSTALL = "Install it as in docs/kubernetes.md"


def check_operator(facts: OperatorFacts, namespace: str, flink_version: str) -> list[str]:
    """Check the operator of a namespace, and return a line for each fact; PreflightError names what is missing."""
    _check_flink_version(facts, flink_version)
    accepted = f"custom resource FlinkDeployment: accepts {flink_version}"
    if not facts.operators and not facts.complete:
        return [accepted, f"not checked: the operator, because the account sees only the namespace {namespace}"]
    operator = _only_operator(facts, namespace)
    _check_ready(operator)
    _check_version(operator)
    return [accepted, f"{operator}: version {operator.version or 'unknown'}, {_watched(operator, namespace)}"]


def _watched(operator: Operator, namespace: str) -> str:
    if operator.watched is None:
        return "not checked: its namespaces, because the account cannot read its configuration"
    return f"watches {namespace}" if operator.watched else "watches all namespaces"


def _check_flink_version(facts: OperatorFacts, flink_version: str) -> None:
    if flink_version not in facts.flink_versions:
        raise PreflightError(
            f"kubernetes.flink_version is {flink_version}, but the custom resource FlinkDeployment accepts only "
            f"{', '.join(facts.flink_versions)}. Set OLYMPIC_STREAMING_KUBERNETES_FLINK_VERSION to one of these, or "
            "upgrade the operator and its custom resource definitions."
        )


def _only_operator(facts: OperatorFacts, namespace: str) -> Operator:
    """Return the operator that watches the namespace; two of them would undo each other's changes."""
    if not facts.operators:
        raise PreflightError(
            f"the cluster does not have a Flink Kubernetes Operator. Expected one that watches namespace {namespace}. "
            f"{_INSTALL}."
        )
    watching = [operator for operator in facts.operators if operator.watches(namespace)]
    if not watching:
        others = "; ".join(f"{operator} watches {', '.join(operator.watched or ())}" for operator in facts.operators)
        raise PreflightError(
            f"no operator watches namespace {namespace}: {others}. Add the namespace to watchNamespaces in the "
            "operator's values, and upgrade its release."
        )
    if len(watching) > 1:
        raise PreflightError(
            f"several operators watch namespace {namespace}: {', '.join(map(str, watching))}. Expected one. "
            "Set watchNamespaces in the values of the others."
        )
    return watching[0]


def _check_ready(operator: Operator) -> None:
    if not operator.ready:
        raise PreflightError(
            f"{operator}: it does not have a ready pod. Expected one. Find the reason with "
            f"`kubectl -n {operator.namespace} describe pods`."
        )


def _check_version(operator: Operator) -> None:
    oldest = load_versions().kubernetes.oldest_flink_operator
    if operator.version is not None and _numbers(operator.version) < _numbers(oldest):
        raise PreflightError(
            f"{operator}: its version is {operator.version}. Expected {oldest} or later. Upgrade it and its custom "
            "resource definitions."
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
