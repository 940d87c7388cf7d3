"""The one home of the names that several layers derive from a pipeline: roles, users, connections, Secrets.

| role | may | connection of pipeline `x_y` | user of database `d` | Kubernetes Secret |
| --- | --- | --- | --- | --- |
| owner | everything in the one database | `x_y_mysql` | `d_owner` | `x-y-mysql` |
| cdc | read the database, and its changes from the binlog | `x_y_mysql_cdc` | `d_cdc` | `x-y-mysql-cdc` |
| reader | read the database | `x_y_mysql_reader` | `d_reader` | `x-y-mysql-reader` |
"""

from __future__ import annotations

from typing import Literal, get_args

# Every line that a task reports has this logger; `make run` and people who filter the log look for it.
TASK_LOGGER = "infra.tasks"

Role = Literal["owner", "cdc", "reader"]
ROLES: tuple[Role, ...] = get_args(Role)
_CONNECTIONS: dict[Role, str] = {"owner": "mysql", "cdc": "mysql_cdc", "reader": "mysql_reader"}


def job_name(pipeline: str, job: str) -> str:
    """The name of a job on its cluster, such as `olympics.players_cdc`."""
    return f"{pipeline}.{job}"


def user_name(database: str, role: Role) -> str:
    """The database user of a role, such as `olympics_cdc`."""
    return f"{database}_{role}"


def mysql_connection_id(pipeline: str, role: Role) -> str:
    """The Airflow connection of a role, such as `olympics_mysql_cdc`."""
    return f"{pipeline}_{_CONNECTIONS[role]}"


def kafka_connection_id(pipeline: str) -> str:
    """The Airflow connection of the brokers, such as `olympics_kafka`."""
    return f"{pipeline}_kafka"


def connection_ids(pipeline: str, has_database: bool) -> list[str]:
    """Every connection that a pipeline needs."""
    roles = ROLES if has_database else ()
    return [*(mysql_connection_id(pipeline, role) for role in roles), kafka_connection_id(pipeline)]


def secret_name(pipeline: str, role: Role) -> str:
    """The Kubernetes Secret of a role, with the keys `username` and `password`; helm/ creates it."""
    return mysql_connection_id(pipeline, role).replace("_", "-")


def password_name(database: str, role: Role) -> str:
    """The key of a user's password in a file of generated passwords."""
    return f"mysql.{database}.{role}"
