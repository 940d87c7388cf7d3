"""Connections: the session of a successful one, and the error of every failure."""

from __future__ import annotations

import re
import socket
from dataclasses import replace

import MySQLdb
import pytest

from infra.endpoints import MySqlEndpoint
from infra.errors import AccessDeniedError, SchemaError, TerminalError, UnreachableError, WaitTimeoutError
from infra.mysql.connection import Connection, connect, fetch_rows
from tests.local.mysql.conftest import Database


def test_session_is_utf8mb4_strict_and_without_autocommit(owner: MySqlEndpoint) -> None:
    with connect(owner) as connection:
        (row,) = fetch_rows(connection, "SELECT @@character_set_client, @@autocommit, @@sql_mode")
    assert row[:2] == ("utf8mb4", 0)
    assert set(row[2].split(",")) == {"STRICT_ALL_TABLES", "NO_AUTO_VALUE_ON_ZERO", "NO_ENGINE_SUBSTITUTION"}


def test_localhost_uses_the_port_and_not_the_socket_of_the_system(owner: MySqlEndpoint) -> None:
    with connect(replace(owner, host="localhost")) as connection:
        assert fetch_rows(connection, "SELECT @@port") == [(owner.port,)]


def test_uncommitted_changes_are_rolled_back(owner: MySqlEndpoint) -> None:
    with connect(owner) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY)")
        cursor.execute("INSERT INTO t VALUES (1)")
    with connect(owner) as connection:
        assert fetch_rows(connection, "SELECT * FROM t") == []


def test_connection_is_closed_after_an_error(owner: MySqlEndpoint) -> None:
    with pytest.raises(KeyError), connect(owner) as connection:
        raise KeyError
    with pytest.raises(MySQLdb.Error):
        connection.ping()


def test_closed_port_is_unreachable(owner: MySqlEndpoint) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening, so that no other process gets this port
        endpoint = replace(owner, port=unused.getsockname()[1])
        with pytest.raises(UnreachableError) as caught, connect(endpoint):
            pass
    assert re.fullmatch(
        rf"cannot reach mysql://{endpoint.user}@127\.0\.0\.1:{endpoint.port}/{endpoint.database}: .*\. "
        r"Check the connection's host and port, and the server's log\.",
        str(caught.value),
    )
    assert endpoint.password not in str(caught.value)


def test_missing_socket_is_unreachable(administrator: MySqlEndpoint) -> None:
    endpoint = replace(administrator, unix_socket="/nowhere/s", user="root")
    with pytest.raises(UnreachableError, match=r"cannot reach mysql://root@unix\(/nowhere/s\)/"), connect(endpoint):
        pass


def test_wrong_password(owner: MySqlEndpoint) -> None:
    with pytest.raises(AccessDeniedError) as caught, connect(replace(owner, password="wr0ng-pass")):
        pass
    assert str(caught.value) == (
        f"{owner} rejected the login: Access denied for user '{owner.user}'@'127.0.0.1' "
        "(using password: YES). Fix the user or the password of the connection."
    )
    assert isinstance(caught.value, TerminalError)
    assert "wr0ng-pass" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_unknown_database(administrator: MySqlEndpoint) -> None:
    endpoint = replace(administrator, database="nowhere")
    with pytest.raises(SchemaError) as caught, connect(endpoint):
        pass
    assert str(caught.value) == (
        f"{endpoint}: the database 'nowhere' does not exist. Ask an administrator to run "
        "CREATE DATABASE `nowhere` CHARACTER SET utf8mb4, or fix the name."
    )


def test_database_without_privileges(owner: MySqlEndpoint) -> None:
    endpoint = replace(owner, database="mysql")
    denied = r"denied the statement: .*\. Ask an administrator to grant the privilege\."
    with pytest.raises(AccessDeniedError, match=denied), connect(endpoint):
        pass


def test_error_in_the_block_is_translated(owner: MySqlEndpoint) -> None:
    with pytest.raises(TerminalError) as caught, connect(owner) as connection:
        fetch_rows(connection, "SELECT * FROM nothing")
    assert str(caught.value) == (f"{owner}: Table '{owner.database}.nothing' doesn't exist (error 1146)")


def test_lock_timeout_is_transient(database: Database, owner: MySqlEndpoint) -> None:
    with connect(owner) as holder, holder.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY)")
        cursor.execute("INSERT INTO t VALUES (1)")
        reason = {"mariadb": "Lock wait timeout", "mysql": "Statement aborted because lock"}[database.server]
        busy = f"another transaction holds a lock: {reason}"
        with pytest.raises(WaitTimeoutError, match=busy), connect(owner) as waiting:
            fetch_rows(waiting, "SELECT * FROM t FOR UPDATE NOWAIT")


def test_server_that_closes_the_connection_is_unreachable(owner: MySqlEndpoint, admin: Connection) -> None:
    lost = f"cannot reach mysql://{owner.user}@"
    with pytest.raises(UnreachableError, match=lost), connect(owner) as connection:
        kill_and_ask(admin, connection)


def kill_and_ask(admin: Connection, connection: Connection) -> None:
    admin.query(f"KILL {connection.thread_id()}")
    fetch_rows(connection, "SELECT 1")
