"""The database and its three users, each with exactly the privileges that its role requires.

| role | user | privileges |
| --- | --- | --- |
| owner | `<database>_owner` | all privileges on its database |
| cdc | `<database>_cdc` | read the database and its binlog |
| reader | `<database>_reader` | read the database |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from infra.mysql.connection import Connection, fetch_rows, quoted
from infra.mysql.grants import EVERYTHING, Grants, database_scope, show_grants
from infra.pipeline.naming import Role, user_name
from infra.plan import Action, PlannedChange

_ON_DATABASE: dict[Role, str] = {"owner": "ALL PRIVILEGES", "cdc": "SELECT", "reader": "SELECT"}
_ON_SERVER: dict[Role, tuple[str, ...]] = {"cdc": ("REPLICATION SLAVE", "REPLICATION CLIENT")}


def ensure_database(admin: Connection, database: str) -> str:
    """Create the database in utf8mb4 if it is missing, and return "created" or "unchanged"."""
    if has_database(admin, database):
        return "unchanged"
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {quoted(database)} CHARACTER SET utf8mb4")
    return "created"


def has_database(admin: Connection, database: str) -> bool:
    """Return whether the database exists."""
    existing = "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"
    return bool(fetch_rows(admin, existing, [database]))


def ensure_users(
    admin: Connection,
    database: str,
    passwords: Mapping[Role, str | None],
    require: Literal["NONE", "X509"] | None = None,
) -> list[str]:
    """Create each role's user (at any host) with its password and exactly its privileges; return a line for each.

    A password of None keeps the current one. `require` is whether the users need a certificate of the client; None
    keeps what an administrator has set. Grants are changed only if they differ, so that active sessions keep
    their privileges. AccessDeniedError if `admin` is not allowed to do this.
    """
    with _without_binlog(admin):
        lines = [_ensure_user(admin, database, role, password) for role, password in passwords.items()]
        if require:
            with admin.cursor() as cursor:
                for role in passwords:
                    cursor.execute(f"ALTER USER %s@'%%' REQUIRE {require}", [user_name(database, role)])
        return lines


def preview_users(admin: Connection, database: str, passwords: Mapping[Role, str | None]) -> list[PlannedChange]:
    """Return what `ensure_database` and `ensure_users` would do, and change nothing."""
    missing = not has_database(admin, database)
    changes = [PlannedChange("database", database, Action.CREATE if missing else Action.UNCHANGED)]
    return [*changes, *(_preview_user(admin, database, role, password) for role, password in passwords.items())]


def _preview_user(admin: Connection, database: str, role: Role, password: str | None) -> PlannedChange:
    user = user_name(database, role)
    expected = _expected_grants(admin, database, role)
    listed = tuple(f"{', '.join(sorted(privileges))} on {scope}" for scope, privileges in expected.items())
    if not _exists(admin, user):
        return PlannedChange("user", user, Action.CREATE, "; ".join(listed))
    if show_grants(admin, user) != expected:
        return PlannedChange("user", user, Action.CHANGE, "grants", listed)
    if password is not None:
        return PlannedChange("user", user, Action.CHANGE, "its password")
    return PlannedChange("user", user, Action.UNCHANGED)


@contextmanager
def _without_binlog(admin: Connection) -> Iterator[None]:
    """Keep the session's statements, which contain passwords, out of the binlog, which every CDC user can read."""
    admin.commit()  # the setting cannot change inside a transaction
    with admin.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0")
        try:
            yield
        finally:
            admin.commit()
            cursor.execute("SET SESSION sql_log_bin = 1")


def _ensure_user(admin: Connection, database: str, role: Role, password: str | None) -> str:
    user = user_name(database, role)
    existed = _exists(admin, user)
    if password is not None:
        with admin.cursor() as cursor:
            cursor.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", [user, password])
            cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", [user, password])
    changed = _ensure_grants(admin, user, _expected_grants(admin, database, role))
    if not existed:
        return f"{user}: created"
    if password is None:
        return f"{user}: grants changed" if changed else f"{user}: unchanged"
    return f"{user}: password set, grants {'changed' if changed else 'unchanged'}"


def _exists(admin: Connection, user: str) -> bool:
    return bool(fetch_rows(admin, "SELECT 1 FROM mysql.user WHERE User = %s AND Host = '%%'", [user]))


def _expected_grants(admin: Connection, database: str, role: Role) -> dict[str, frozenset[str]]:
    expected = {database_scope(database, wildcards=_has_wildcards(admin)): frozenset({_ON_DATABASE[role]})}
    return expected | ({EVERYTHING: frozenset(_ON_SERVER[role])} if role in _ON_SERVER else {})


def _ensure_grants(admin: Connection, user: str, expected: Grants) -> bool:
    """Make the user's grants exact, and return whether they had to change."""
    found = show_grants(admin, user)
    if found == expected:
        return False
    with admin.cursor() as cursor:
        if found:
            cursor.execute("REVOKE ALL PRIVILEGES, GRANT OPTION FROM %s@'%%'", [user])
        # MariaDB has revoked the roles with the rest, MySQL has not.
        for role_scope in show_grants(admin, user):
            role_name = role_scope.removeprefix("role ").replace("%", "%%")  # in MySQL it is `name`@`%`
            cursor.execute(f"REVOKE {role_name} FROM %s@'%%'", [user])
        for where, privileges in expected.items():
            sql = f"GRANT {', '.join(sorted(privileges))} ON {where}".replace("%", "%%")
            cursor.execute(f"{sql} TO %s@'%%'", [user])
    return True


def _has_wildcards(admin: Connection) -> bool:
    """Return whether `_` and `%` in the database of a GRANT are wildcards; not with MySQL's partial_revokes."""
    return fetch_rows(admin, "SHOW GLOBAL VARIABLES LIKE 'partial_revokes'") != [("partial_revokes", "ON")]
