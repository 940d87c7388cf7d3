"""Connections to MySQL and MariaDB, and the one place where the driver's errors become ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import MySQLdb
from MySQLdb.connections import Connection

from infra.endpoints import MySqlEndpoint
from infra.errors import (
    AccessDeniedError,
    PlatformError,
    SchemaError,
    TerminalError,
    UnreachableError,
    WaitTimeoutError,
)

__all__ = ["Connection", "binlog_position", "connect", "fetch_rows", "quoted"]

CONNECT_TIMEOUT_SECONDS = 10
# Longer than any statement of a seed of some million rows, shorter than a person's patience with a dead server.
READ_TIMEOUT_SECONDS = 600
LOCK_WAIT_SECONDS = 60

# Fixed here, so that no server's default decides: bad values are errors and not silently bent, and an id of 0 stays 0.
_SQL_MODE = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION"
_INIT = f"SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}, innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}"

# Numbers of the MySQL error reference: https://dev.mysql.com/doc/mysql-errors/8.0/en/
_UNREACHABLE = {1040, 1053, 1129, 1927, 2002, 2003, 2005, 2006, 2013, 2055}
_WRONG_LOGIN = {1045, 1130, 1698}
_NO_PRIVILEGE = {1044, 1142, 1143, 1227, 1370}
_UNKNOWN_DATABASE = 1049
_BUSY = {1205, 1213}
# Whatever a statement was about, these say something of the connection, the user or the lock.
NOT_THE_STATEMENT = frozenset({*_UNREACHABLE, *_WRONG_LOGIN, *_NO_PRIVILEGE, *_BUSY, _UNKNOWN_DATABASE})


@contextmanager
def connect(endpoint: MySqlEndpoint) -> Iterator[Connection]:
    """A connection in utf8mb4 without autocommit; what is not committed when the block ends is rolled back.

    Errors of the driver, in the block too, leave as UnreachableError, AccessDeniedError, SchemaError (no such
    database), WaitTimeoutError (a lock), or else TerminalError.
    """
    try:
        connection = MySQLdb.connect(**_arguments(endpoint))
        try:
            yield connection
        finally:
            connection.close()
    except MySQLdb.Error as error:
        raise _translated(error, endpoint) from error


def fetch_rows(connection: Connection, sql: str, arguments: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """All rows of a query about the server; text is always `str`, which MySQL 8 delivers as bytes in places."""
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        rows = cursor.fetchall()
    return [tuple(value.decode() if isinstance(value, bytes) else value for value in row) for row in rows]


def binlog_position(connection: Connection) -> str:
    """Return the server's current binlog position as `<file>:<position>`; requires REPLICATION CLIENT."""
    try:
        [row] = fetch_rows(connection, "SHOW MASTER STATUS")
    except MySQLdb.ProgrammingError:  # MySQL 8.4 and later
        [row] = fetch_rows(connection, "SHOW BINARY LOG STATUS")
    return f"{row[0]}:{row[1]}"


def quoted(name: str) -> str:
    """The identifier in backquotes."""
    return "`" + name.replace("`", "``") + "`"


def _arguments(endpoint: MySqlEndpoint) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "user": endpoint.user,
        "password": endpoint.password,
        "charset": "utf8mb4",
        "sql_mode": _SQL_MODE,
        "init_command": _INIT,
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "read_timeout": READ_TIMEOUT_SECONDS,
        "write_timeout": READ_TIMEOUT_SECONDS,
        "autocommit": False,
    }
    if endpoint.database:
        arguments["database"] = endpoint.database
    if endpoint.unix_socket:
        return {**arguments, "unix_socket": endpoint.unix_socket}
    # The client library takes "localhost" for the system's own socket and forgets the port.
    host = "127.0.0.1" if endpoint.host == "localhost" else endpoint.host
    return {**arguments, "host": host, "port": endpoint.port}


def _translated(error: Exception, endpoint: MySqlEndpoint) -> PlatformError:
    code, reason = error.args if len(error.args) == 2 else (0, str(error))
    if code in _UNREACHABLE:
        return UnreachableError(
            f"cannot reach {endpoint}: {reason}; is the server running and the connection right? "
            "Look at host, port and the server's log"
        )
    if code in _WRONG_LOGIN:
        return AccessDeniedError(f"{endpoint} refuses the login: {reason}; correct user or password of the connection")
    if code in _NO_PRIVILEGE:
        return AccessDeniedError(f"{endpoint} does not allow this: {reason}; let an administrator grant it")
    if code == _UNKNOWN_DATABASE:
        return SchemaError(
            f"{endpoint}: there is no database {endpoint.database!r}; let an administrator run "
            f"CREATE DATABASE {quoted(endpoint.database or '')} CHARACTER SET utf8mb4, or correct the name"
        )
    if code in _BUSY:
        return WaitTimeoutError(
            f"{endpoint}: another transaction was in the way: {reason}; nothing was changed. "
            "SHOW PROCESSLIST names the other one; try again when it has ended"
        )
    return TerminalError(f"{endpoint}: {reason} (error {code})")
