"""Connections to MySQL and MariaDB; the only module that translates the driver's errors into PlatformErrors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import MySQLdb
from MySQLdb.connections import Connection

from infra.endpoints import MySqlEndpoint, MySqlTls
from infra.errors import (
    AccessDeniedError,
    PlatformError,
    SchemaError,
    SettingsError,
    TerminalError,
    UnreachableError,
    WaitTimeoutError,
)

__all__ = ["Connection", "binlog_position", "connect", "fetch_rows", "quoted"]

CONNECT_TIMEOUT_SECONDS = 10
# Longer than any statement of a seed with a few million rows, and still a bound on an unresponsive server.
READ_TIMEOUT_SECONDS = 600
LOCK_WAIT_SECONDS = 60

# Independent of the server's default: invalid values are errors instead of silent corrections, and an id of 0 stays 0.
_SQL_MODE = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION"
_INIT = f"SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}, innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}"

# Numbers of the MySQL error reference: https://dev.mysql.com/doc/mysql-errors/8.0/en/
_UNREACHABLE = {1040, 1053, 1129, 1927, 2002, 2003, 2005, 2006, 2013, 2055}
_WRONG_LOGIN = {1045, 1130, 1698}
_NO_PRIVILEGE = {1044, 1142, 1143, 1227, 1370}
_UNKNOWN_DATABASE = 1049
_TLS = 2026
_REQUIRES_TLS = 3159  # of MySQL; MariaDB reports a wrong login instead
# The client library hides an error that the server sends before TLS is established in one of its own.
_BEFORE_TLS = re.compile(r"before completion of TLS handshake.*?: (?P<code>\d+) - (?P<reason>.+)", re.DOTALL)
_BUSY = {1205, 1213, 3572}
# Errors of the connection, the user or a lock, whatever the statement.
NOT_THE_STATEMENT = frozenset({*_UNREACHABLE, *_WRONG_LOGIN, *_NO_PRIVILEGE, *_BUSY, _UNKNOWN_DATABASE})


@contextmanager
def connect(endpoint: MySqlEndpoint) -> Iterator[Connection]:
    """Yield a connection in utf8mb4 without autocommit; the end of the block rolls back uncommitted changes.

    Errors of the driver, also from within the block, are raised as UnreachableError, AccessDeniedError, SchemaError
    (the database does not exist), WaitTimeoutError (a lock), or else TerminalError.
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
    """Return all rows of a query on server metadata; text is always `str`, although MySQL 8 returns some as bytes."""
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
    """Return the identifier in backquotes."""
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
    # The client library would use the system's own socket for "localhost" and ignore the port.
    host = "127.0.0.1" if endpoint.host == "localhost" else endpoint.host
    return {**arguments, **_tls_arguments(endpoint), "host": host, "port": endpoint.port}


def _tls_arguments(endpoint: MySqlEndpoint) -> dict[str, Any]:
    """Return the driver's options for TLS; SettingsError if a file is missing, which the library would not name."""
    tls = endpoint.tls
    if tls is None:
        return {}
    files = {"ca": tls.ca, "cert": tls.cert, "key": tls.key}
    for name, path in files.items():
        if path and not Path(path).is_file():
            raise SettingsError(
                f"{endpoint}: the file {path} of ssl_{name} does not exist. Fix ssl_{name} in the connection's extra, "
                "or mount the file where tasks run."
            )
    return {"ssl_mode": tls.mode, "ssl": {name: path for name, path in files.items() if path}}


def _accepts_with_tls(endpoint: MySqlEndpoint) -> bool:
    """Return whether a login that failed without TLS succeeds with it."""
    if endpoint.tls or endpoint.unix_socket:
        return False
    try:
        MySQLdb.connect(**_arguments(replace(endpoint, tls=MySqlTls("REQUIRED")))).close()
    except MySQLdb.Error:
        return False
    return True


def _translated(error: Exception, endpoint: MySqlEndpoint) -> PlatformError:
    code, reason = error.args if len(error.args) == 2 else (0, str(error))
    inner = _BEFORE_TLS.search(str(reason))
    if inner:
        code, reason = int(inner["code"]), inner["reason"]
    if code in _UNREACHABLE:
        return UnreachableError(
            f"cannot reach {endpoint}: {reason}. Check the connection's host and port, and the server's log."
        )
    if code == _REQUIRES_TLS or (code in _WRONG_LOGIN and _accepts_with_tls(endpoint)):
        return AccessDeniedError(
            f"{endpoint} requires TLS, and the connection does not use it. "
            "Add ssl_mode and ssl_ca to the connection's extra."
        )
    if code in _WRONG_LOGIN:
        return AccessDeniedError(
            f"{endpoint} rejected the login: {reason}. Fix the user or the password of the connection."
        )
    if code in _NO_PRIVILEGE:
        return AccessDeniedError(
            f"{endpoint} denied the statement: {reason}. Ask an administrator to grant the privilege."
        )
    if code == _TLS:
        return AccessDeniedError(
            f"{endpoint}: TLS failed: {reason}. Check that ssl_ca of the connection's extra has the certificate that "
            "signed the server's, and ssl_cert and ssl_key those of a client that the server accepts."
        )
    if code == _UNKNOWN_DATABASE:
        return SchemaError(
            f"{endpoint}: the database {endpoint.database!r} does not exist. Ask an administrator to run "
            f"CREATE DATABASE {quoted(endpoint.database or '')} CHARACTER SET utf8mb4, or fix the name."
        )
    if code in _BUSY:
        return WaitTimeoutError(
            f"{endpoint}: another transaction holds a lock: {reason}. Nothing was changed. "
            "Find the other transaction with SHOW PROCESSLIST, and retry when it has ended."
        )
    return TerminalError(f"{endpoint}: {reason} (error {code})")
