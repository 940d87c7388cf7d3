"""The checks of the operator on facts that a test cluster does not have all at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.errors import PreflightError
from infra.targets.kubernetes.operator_facts import Operator, OperatorFacts
from infra.targets.kubernetes.preflight import check_operator

OPERATOR = Operator("flink", "flink-kubernetes-operator", "1.15.0", ("games",), ready=True)
FACTS = OperatorFacts(("v1_19", "v1_20"), (OPERATOR,), complete=True)


def message(*operators: Operator) -> str:
    with pytest.raises(PreflightError) as caught:
        check_operator(replace(FACTS, operators=operators), "games", "v1_20")
    return str(caught.value)


def test_operator_that_supports_the_jobs() -> None:
    assert check_operator(FACTS, "games", "v1_20") == [
        "custom resource FlinkDeployment: accepts v1_20",
        "Flink Kubernetes Operator flink/flink-kubernetes-operator: version 1.15.0, watches games",
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"watched": ()}, "version 1.15.0, watches all namespaces"),
        ({"version": None}, "version unknown, watches games"),
        (
            {"watched": None},
            "version 1.15.0, not checked: its namespaces, because the account cannot read its configuration",
        ),
    ],
)
def test_line_about_the_operator(changes: dict[str, Any], line: str) -> None:
    facts = replace(FACTS, operators=(replace(OPERATOR, **changes),))

    assert check_operator(facts, "games", "v1_20")[1] == (
        f"Flink Kubernetes Operator flink/flink-kubernetes-operator: {line}"
    )


def test_account_of_one_namespace_cannot_see_an_operator_elsewhere() -> None:
    assert check_operator(replace(FACTS, operators=(), complete=False), "games", "v1_20") == [
        "custom resource FlinkDeployment: accepts v1_20",
        "not checked: the operator, because the account sees only the namespace games",
    ]


def test_cluster_without_an_operator() -> None:
    assert message() == (
        "the cluster does not have a Flink Kubernetes Operator. Expected one that watches namespace games. "
        "Install it as in docs/kubernetes.md."
    )


def test_operators_that_would_undo_each_others_changes() -> None:
    assert message(OPERATOR, replace(OPERATOR, namespace="other", watched=())) == (
        "several operators watch namespace games: Flink Kubernetes Operator flink/flink-kubernetes-operator, "
        "Flink Kubernetes Operator other/flink-kubernetes-operator. Expected one. "
        "Set watchNamespaces in the values of the others."
    )


def test_version_is_compared_by_its_numbers() -> None:
    assert check_operator(replace(FACTS, operators=(replace(OPERATOR, version="1.10.0"),)), "games", "v1_20")
    assert message(replace(OPERATOR, version="1.6.1")) == (
        "Flink Kubernetes Operator flink/flink-kubernetes-operator: its version is 1.6.1. Expected 1.7.0 or later. "
        "Upgrade it and its custom resource definitions."
    )
