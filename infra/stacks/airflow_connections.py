"""The Airflow connections of every pipeline, in the format of Airflow's local secrets file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from infra.endpoints import KafkaEndpoint, MySqlEndpoint, MySqlTls
from infra.pipeline.naming import ROLES, Role, kafka_connection_id, mysql_connection_id

# Pipeline to database; None for a pipeline that starts from a topic.
Databases = Mapping[str, str | None]
Connections = dict[str, dict[str, object]]


def render_connections(
    databases: Databases, kafka: KafkaEndpoint, mysql: Callable[[str, Role], MySqlEndpoint]
) -> Connections:
    """Return the connections by id; `mysql` returns the endpoint for a database and a role."""
    connections: Connections = {}
    for pipeline, database in databases.items():
        extra = {"bootstrap.servers": kafka.bootstrap_servers, **kafka.properties}
        connections[kafka_connection_id(pipeline)] = {"conn_type": "kafka", "extra": extra}
        if database is None:
            continue
        for role in ROLES:
            endpoint = mysql(database, role)
            connections[mysql_connection_id(pipeline, role)] = {
                "conn_type": "mysql",
                "host": endpoint.host,
                "port": endpoint.port,
                "login": endpoint.user,
                "password": endpoint.password,
                "schema": database,
                **({"extra": _tls_extra(endpoint.tls)} if endpoint.tls else {}),
            }
    return connections


def _tls_extra(tls: MySqlTls) -> dict[str, object]:
    files = {"ssl_ca": tls.ca, "ssl_cert": tls.cert, "ssl_key": tls.key}
    return {"ssl_mode": tls.mode, **{name: path for name, path in files.items() if path}}
