"""Admin > Connections offers the types of the pipelines' connections."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("connection_type", "name"),
    [("mysql", "MySQL"), ("kafka", "Apache Kafka"), ("kubernetes", "Kubernetes Cluster Connection")],
)
def test_connection_type_is_offered(connection_type: str, name: str) -> None:
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    providers: Any = ProvidersManagerTaskRuntime
    hook = providers().hooks[connection_type]

    assert hook is not None
    assert hook.hook_name == name
    assert hook.connection_testable
