"""Names that several layers derive from a pipeline: roles, users, connections and Secrets.

| role | privileges | connection of pipeline `x_y` | user of database `d` | Kubernetes Secret |
| --- | --- | --- | --- | --- |
| owner | all privileges on its database | `x_y_mysql` | `d_owner` | `x-y-mysql` |
| cdc | read the database and its binlog | `x_y_mysql_cdc` | `d_cdc` | `x-y-mysql-cdc` |
| reader | read the database | `x_y_mysql_reader` | `d_reader` | `x-y-mysql-reader` |
"""

from __future__ import annotations

from typing import Literal, get_args

# The logger of every line that a task reports; `make run` and log filters use the name.
TASK_LOGGER = "infra.tasks"

Role = Literal["owner", "cdc", "reader"]
ROLES: tuple[Role, ...] = get_args(Role)
_CONNECTIONS: dict[Role, str] = {"owner": "mysql", "cdc": "mysql_cdc", "reader": "mysql_reader"}


def job_name(pipeline: str, job: str) -> str:
    """Return the name of a job on its cluster, such as `olympics.players_cdc`."""
    return f"{pipeline}.{job}"


def user_name(database: str, role: Role) -> str:
    """Return the database user of a role, such as `olympics_cdc`."""
    return f"{database}_{role}"


def mysql_connection_id(pipeline: str, role: Role) -> str:
    """Return the id of a role's Airflow connection, such as `olympics_mysql_cdc`."""
    return f"{pipeline}_{_CONNECTIONS[role]}"


def kafka_connection_id(pipeline: str) -> str:
    """Return the id of the Airflow connection of the brokers, such as `olympics_kafka`."""
    return f"{pipeline}_kafka"


def connection_ids(pipeline: str, has_database: bool, is_seeded: bool = True) -> list[str]:
    """Return the ids of all connections that a pipeline requires; only a seeded one needs that of the owner."""
    roles = [role for role in ROLES if has_database and (is_seeded or role != "owner")]
    return [*(mysql_connection_id(pipeline, role) for role in roles), kafka_connection_id(pipeline)]


def reload_topic(pipeline: str) -> str:
    """Return the topic of the requests to read captured tables again."""
    return f"{pipeline}.reloads"


def secret_name(pipeline: str, role: Role) -> str:
    """Return the name of a role's Kubernetes Secret (keys `username` and `password`), which helm/ creates."""
    return mysql_connection_id(pipeline, role).replace("_", "-")


def kafka_secret_name(pipeline: str) -> str:
    """Return the name of the Kubernetes Secret with which the jobs log in to Kafka, such as `olympics-kafka`."""
    return kafka_connection_id(pipeline).replace("_", "-")


def password_name(database: str, role: Role) -> str:
    """Return the key of a user's password in a file of generated passwords."""
    return f"mysql.{database}.{role}"
