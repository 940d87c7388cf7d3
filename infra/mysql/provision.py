"""Databases and users of a server, from mounted Secrets: `python -m infra provision-users`.

A Secret is a folder with the files `username` and `password`; those of a database's roles lie in one folder.
"""

from __future__ import annotations

from pathlib import Path

from infra.endpoints import MySqlEndpoint
from infra.errors import SettingsError
from infra.mysql.connection import Connection, connect
from infra.mysql.users import ensure_database, ensure_users
from infra.pipeline.naming import ROLES, Role, user_name
from infra.waiting import wait_until

WAIT_SECONDS = 300


def read_secret(folder: Path) -> tuple[str, str]:
    """User and password of a mounted Secret; SettingsError names the key that is missing."""
    values = []
    for key in ("username", "password"):
        path = folder / key
        value = path.read_text(encoding="utf-8").rstrip("\n") if path.is_file() else ""
        if not value:
            raise SettingsError(f"{path} is missing or empty; the Secret that is mounted there needs the key {key!r}")
        values.append(value)
    return values[0], values[1]


def read_passwords(database: str, folder: Path) -> dict[Role, str]:
    """The password of each role; SettingsError when a Secret names another user than the role's."""
    passwords: dict[Role, str] = {}
    for role in ROLES:
        user, passwords[role] = read_secret(folder / role)
        if user != user_name(database, role):
            raise SettingsError(
                f"{folder / role / 'username'} is {user!r}, but the user of the role {role} is "
                f"{user_name(database, role)!r}; correct the Secret"
            )
    return passwords


def databases_in(folder: Path) -> dict[str, Path]:
    """The folder of each database; SettingsError when there is none."""
    found = {path.name: path for path in sorted(folder.glob("*")) if path.is_dir()}
    if not found:
        raise SettingsError(f"{folder} holds no folder of a database; mount one that does")
    return found


def provision(admin: MySqlEndpoint, databases: dict[str, Path], wait_seconds: float = WAIT_SECONDS) -> list[str]:
    """Makes each database and its users once the server answers; a line for each. Safe to repeat."""
    passwords = {database: read_passwords(database, folder) for database, folder in databases.items()}

    def made() -> list[str]:
        with connect(admin) as connection:
            return [line for database in databases for line in _make(connection, database, passwords[database])]

    return wait_until(made, f"{admin} to answer", wait_seconds, poll_seconds=2)


def _make(connection: Connection, database: str, passwords: dict[Role, str]) -> list[str]:
    return [
        f"database {database}: {ensure_database(connection, database)}",
        *ensure_users(connection, database, passwords),
    ]
