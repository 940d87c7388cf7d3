"""The database and its three users, each with exactly the privileges that its role needs.

| role | user | may |
| --- | --- | --- |
| owner | `<database>_owner` | everything in the one database |
| cdc | `<database>_cdc` | read the database, and its changes from the binlog |
| reader | `<database>_reader` | read the database |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from infra.mysql.connection import Connection, fetch_rows, quoted
from infra.mysql.grants import EVERYTHING, database_scope, show_grants
from infra.pipeline.naming import Role, user_name

_ON_DATABASE: dict[Role, str] = {"owner": "ALL PRIVILEGES", "cdc": "SELECT", "reader": "SELECT"}
_ON_SERVER: dict[Role, tuple[str, ...]] = {"cdc": ("REPLICATION SLAVE", "REPLICATION CLIENT")}


def ensure_database(admin: Connection, database: str) -> str:
    """Create the database in utf8mb4 unless it is there: "created" or "unchanged"."""
    known = "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"
    if fetch_rows(admin, known, [database]):
        return "unchanged"
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {quoted(database)} CHARACTER SET utf8mb4")
    return "created"


def ensure_users(admin: Connection, database: str, passwords: Mapping[Role, str | None]) -> list[str]:
    """Give each role of `passwords` its user at any host, that password, and exactly its privileges.

    A password of None leaves the one that a user has. Returns a line for each user. The grants are
    changed only where they differ, so that a reader at work keeps its own.
    """
    with _without_binlog(admin):
        return [_ensure_user(admin, database, role, password) for role, password in passwords.items()]


@contextmanager
def _without_binlog(admin: Connection) -> Iterator[None]:
    """Keep the session's statements out of the binlog, which every CDC user may read: it must see no password."""
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
    existed = bool(fetch_rows(admin, "SELECT 1 FROM mysql.user WHERE User = %s AND Host = '%%'", [user]))
    if password is not None:
        with admin.cursor() as cursor:
            cursor.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", [user, password])
            cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", [user, password])
    changed = _ensure_grants(admin, user, role, database_scope(database, wildcards=_has_wildcards(admin)))
    if not existed:
        return f"{user}: created"
    if password is None:
        return f"{user}: grants changed" if changed else f"{user}: unchanged"
    return f"{user}: password set, grants {'changed' if changed else 'unchanged'}"


def _ensure_grants(admin: Connection, user: str, role: Role, scope: str) -> bool:
    """Make the grants exact; return whether anything had to change."""
    wanted = {scope: frozenset({_ON_DATABASE[role]})}
    if role in _ON_SERVER:
        wanted[EVERYTHING] = frozenset(_ON_SERVER[role])
    found = show_grants(admin, user)
    if found == wanted:
        return False
    with admin.cursor() as cursor:
        if found:
            cursor.execute("REVOKE ALL PRIVILEGES, GRANT OPTION FROM %s@'%%'", [user])
        # MariaDB has taken back the roles with the rest, MySQL has not.
        for role_scope in show_grants(admin, user):
            cursor.execute(f"REVOKE {role_scope.removeprefix('role ')} FROM %s@'%%'", [user])
        for where, privileges in wanted.items():
            sql = f"GRANT {', '.join(sorted(privileges))} ON {where}".replace("%", "%%")
            cursor.execute(f"{sql} TO %s@'%%'", [user])
    return True


def _has_wildcards(admin: Connection) -> bool:
    """Whether `_` and `%` in the database of a GRANT are wildcards; MySQL's partial_revokes makes them plain."""
    return fetch_rows(admin, "SHOW GLOBAL VARIABLES LIKE 'partial_revokes'") != [("partial_revokes", "ON")]
