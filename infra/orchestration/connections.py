"""Airflow connections as endpoints and clients; `infra.pipeline.naming` defines their ids.

docs/connections.md shows each of them as UI fields, as an environment variable and as a command.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.errors import SettingsError
from infra.kafka.client_properties import client_properties
from infra.mysql.tls import mysql_tls
from infra.pipeline import Pipeline
from infra.pipeline.naming import Role, kafka_connection_id, mysql_connection_id

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

KUBERNETES_CONNECTION = "kubernetes_default"
_FOR_JOBS = "jobs."


def mysql_endpoint(pipeline: Pipeline, role: Role) -> MySqlEndpoint:
    """Return the database as the user of one role; SettingsError if the connection is missing or incomplete."""
    connection_id = mysql_connection_id(pipeline.name, role)
    connection = _connection(connection_id)
    for field in ("host", "login", "password"):
        if not getattr(connection, field):
            raise SettingsError(
                f"connection {connection_id!r}: {field} is missing. Add it in Admin > Connections or in its secret."
            )
    return MySqlEndpoint(
        host=str(connection.host),
        port=connection.port or 3306,
        user=str(connection.login),
        password=str(connection.password),
        database=pipeline.mysql_source.database,
        tls=mysql_tls(connection.extra_dejson, f"connection {connection_id!r}, extra"),
    )


def mysql_endpoint_for_jobs(pipeline: Pipeline) -> MySqlEndpoint | None:
    """Return the database as the jobs reach it: the CDC user, with `jobs_host` and `jobs_port` of the extra if set.

    None if the pipeline starts from a topic.
    """
    if pipeline.source.mysql is None:
        return None
    endpoint = mysql_endpoint(pipeline, "cdc")
    extra = _connection(mysql_connection_id(pipeline.name, "cdc")).extra_dejson
    return replace(
        endpoint, host=extra.get("jobs_host", endpoint.host), port=int(extra.get("jobs_port", endpoint.port))
    )


def kafka_endpoint(pipeline: Pipeline) -> KafkaEndpoint:
    """Return the brokers: `bootstrap.servers` of the extra, as in Airflow's Kafka provider, else host and port.

    The other keys of the extra are client properties. SettingsError if there is no broker or a property is unknown.
    """
    return _kafka_endpoint(pipeline, for_jobs=False)


def kafka_endpoint_for_jobs(pipeline: Pipeline) -> KafkaEndpoint:
    """Return the brokers as the jobs reach them: a key of the extra with the prefix `jobs.` is for the jobs only."""
    return _kafka_endpoint(pipeline, for_jobs=True)


def _kafka_endpoint(pipeline: Pipeline, *, for_jobs: bool) -> KafkaEndpoint:
    connection_id = kafka_connection_id(pipeline.name)
    connection = _connection(connection_id)
    stated = connection.extra_dejson
    extra = {key: value for key, value in stated.items() if not key.startswith(_FOR_JOBS)}
    if for_jobs:
        extra |= {key.removeprefix(_FOR_JOBS): value for key, value in stated.items() if key.startswith(_FOR_JOBS)}
    servers = extra.pop("bootstrap.servers", None) or (
        f"{connection.host}:{connection.port or 9092}" if connection.host else None
    )
    if not servers:
        raise SettingsError(
            f"connection {connection_id!r}: no broker is set. Add a host and port, or the extra "
            '{"bootstrap.servers": "host:port"}.'
        )
    return KafkaEndpoint(servers, client_properties(extra, f"connection {connection_id!r}, extra"))


def connect_to_kubernetes() -> tuple[ApiClient, str | None]:
    """Return a client of the cluster and the namespace of the connection, if set.

    Inside a cluster the hook uses the pod's service account, outside it the kubeconfig of the connection.
    """
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

    hook = KubernetesHook(conn_id=KUBERNETES_CONNECTION)
    return hook.get_conn(), hook.get_namespace()


def _connection(connection_id: str) -> Connection:
    try:
        connection: Connection = Connection.get(connection_id)
    except AirflowNotFoundException:
        raise SettingsError(
            f"Airflow connection {connection_id!r} does not exist. Add it in Admin > Connections, as "
            f"AIRFLOW_CONN_{connection_id.upper()}, or in the secrets backend; docs/connections.md has examples."
        ) from None
    return connection
