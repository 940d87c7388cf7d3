"""Airflow connections as endpoints.

A pipeline `x` uses `x_mysql` (application), `x_mysql_cdc`, `x_mysql_reader` and `x_kafka`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.errors import SettingsError
from infra.pipeline import Pipeline

Role = Literal["application", "cdc", "reader"]
MYSQL_SUFFIXES: dict[Role, str] = {"application": "mysql", "cdc": "mysql_cdc", "reader": "mysql_reader"}
KAFKA_SUFFIX = "kafka"


def mysql_connection_id(pipeline_name: str, role: Role) -> str:
    """Such as `x_mysql_cdc`."""
    return f"{pipeline_name}_{MYSQL_SUFFIXES[role]}"


def kafka_connection_id(pipeline_name: str) -> str:
    """Such as `x_kafka`."""
    return f"{pipeline_name}_{KAFKA_SUFFIX}"


def mysql_of(pipeline: Pipeline, role: Role) -> MySqlEndpoint:
    """The database as one of its three users sees it; SettingsError when the connection is missing or lacks a part."""
    connection_id = mysql_connection_id(pipeline.name, role)
    connection = _connection(connection_id)
    for part in ("host", "login", "password"):
        if not getattr(connection, part):
            raise SettingsError(
                f"connection {connection_id!r} has no {part}; add it in Admin > Connections or its secret"
            )
    return MySqlEndpoint(
        host=str(connection.host),
        port=connection.port or 3306,
        user=str(connection.login),
        password=str(connection.password),
        database=pipeline.mysql.database,
    )


def as_jobs_see(endpoint: MySqlEndpoint, pipeline: Pipeline) -> MySqlEndpoint:
    """The CDC user's database from where the jobs run: `jobs_host` and `jobs_port` of the extra, where it has them."""
    extra = _connection(mysql_connection_id(pipeline.name, "cdc")).extra_dejson
    return replace(
        endpoint, host=extra.get("jobs_host", endpoint.host), port=int(extra.get("jobs_port", endpoint.port))
    )


def brokers_as_jobs_see(pipeline: Pipeline) -> KafkaEndpoint:
    """The brokers from where the jobs run: `jobs.bootstrap.servers` of the extra, where it has it."""
    extra = _connection(kafka_connection_id(pipeline.name)).extra_dejson
    endpoint = kafka_of(pipeline)
    return replace(endpoint, bootstrap_servers=extra.get("jobs.bootstrap.servers", endpoint.bootstrap_servers))


def connection_ids(pipeline: Pipeline) -> list[str]:
    """All that a pipeline needs."""
    roles = MYSQL_SUFFIXES if pipeline.source.mysql else ()
    return [*(mysql_connection_id(pipeline.name, role) for role in roles), kafka_connection_id(pipeline.name)]


def kafka_of(pipeline: Pipeline) -> KafkaEndpoint:
    """The brokers: `bootstrap.servers` of the extra, as in Airflow's Kafka provider, else host and port."""
    connection_id = kafka_connection_id(pipeline.name)
    connection = _connection(connection_id)
    extra = {key: value for key, value in connection.extra_dejson.items() if not key.startswith("jobs.")}
    servers = extra.pop("bootstrap.servers", None) or (
        f"{connection.host}:{connection.port or 9092}" if connection.host else None
    )
    if not servers:
        raise SettingsError(
            f"connection {connection_id!r} names no broker; give it a host and port, or the extra "
            '{"bootstrap.servers": "..."}'
        )
    return KafkaEndpoint(servers, {key: str(value) for key, value in extra.items()})


def _connection(connection_id: str) -> Connection:
    try:
        connection: Connection = Connection.get(connection_id)
    except AirflowNotFoundException:
        raise SettingsError(
            f"there is no Airflow connection {connection_id!r}; add it in Admin > Connections, as "
            f"AIRFLOW_CONN_{connection_id.upper()}, or in the secrets backend"
        ) from None
    return connection
