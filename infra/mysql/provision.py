"""Provisioning of databases and users from mounted Secrets: `python -m infra provision-users`.

A Secret is a folder with the files `username` and `password`. One folder per database contains the Secrets of its
roles, each named after the role.
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
POLL_SECONDS = 2


def read_secret(folder: Path) -> tuple[str, str]:
    """Return user and password of a mounted Secret; SettingsError if a key is missing or empty."""
    values = []
    for key in ("username", "password"):
        path = folder / key
        value = path.read_text(encoding="utf-8").rstrip("\n") if path.is_file() else ""
        if not value:
            raise SettingsError(f"{path} is missing or empty. Add the key {key!r} to the Secret that is mounted there.")
        values.append(value)
    return values[0], values[1]


def read_passwords(database: str, folder: Path) -> dict[Role, str]:
    """Return the password of each role; SettingsError if a Secret contains a user other than the role's."""
    passwords: dict[Role, str] = {}
    for role in ROLES:
        user, passwords[role] = read_secret(folder / role)
        if user != user_name(database, role):
            raise SettingsError(
                f"{folder / role / 'username'} is {user!r}, but must be {user_name(database, role)!r}, the user of the "
                f"role {role}. Fix the Secret."
            )
    return passwords


def databases_in(folder: Path) -> dict[str, Path]:
    """Return the folder of each database; SettingsError if there are none."""
    found = {path.name: path for path in sorted(folder.glob("*")) if path.is_dir()}
    if not found:
        raise SettingsError(f"{folder} does not contain a folder of a database. Mount the Secrets of one there.")
    return found


def provision(admin: MySqlEndpoint, databases: dict[str, Path], wait_seconds: float = WAIT_SECONDS) -> list[str]:
    """Create or update each database and its users, and return a line for each. Safe to repeat.

    WaitTimeoutError if the server does not answer within `wait_seconds`.
    """
    passwords = {database: read_passwords(database, folder) for database, folder in databases.items()}

    def ensured() -> list[str]:
        with connect(admin) as connection:
            return [line for database in databases for line in _ensure(connection, database, passwords[database])]

    return wait_until(ensured, f"{admin} to answer", wait_seconds, POLL_SECONDS)


def _ensure(connection: Connection, database: str, passwords: dict[Role, str]) -> list[str]:
    return [
        f"database {database}: {ensure_database(connection, database)}",
        *ensure_users(connection, database, passwords),
    ]
