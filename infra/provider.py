"""What this package gives to Airflow as a provider; found through the entry point `apache_airflow_provider`."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Describe the provider by Airflow's `provider_info` schema, without importing Airflow."""
    return {
        "package-name": "olympic-streaming",
        "name": "Olympic streaming",
        "description": "Deploys Kafka topics, MySQL tables and PyFlink jobs, and checks what the jobs write.",
        # `airflow providers links` lists these; a task's page shows them because its operator names them.
        "extra-links": ["infra.orchestration.operators.FlinkJobLink"],
    }
