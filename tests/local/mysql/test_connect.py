"""Connections: who gets in, and what a person reads who does not."""

from __future__ import annotations

import re
import socket
from dataclasses import replace

import MySQLdb
import pytest

from infra.endpoints import MySqlEndpoint
from infra.errors import AccessDeniedError, SchemaError, TerminalError, UnreachableError, WaitTimeoutError
from infra.mysql.connection import Connection, connect, fetch_rows


def test_session_is_utf8mb4_strict_and_without_autocommit(application: MySqlEndpoint) -> None:
    with connect(application) as connection:
        (row,) = fetch_rows(connection, "SELECT @@character_set_client, @@autocommit, @@sql_mode")
    assert row[:2] == ("utf8mb4", 0)
    assert set(row[2].split(",")) == {"STRICT_ALL_TABLES", "NO_AUTO_VALUE_ON_ZERO", "NO_ENGINE_SUBSTITUTION"}


def test_localhost_means_the_port_and_not_the_systems_socket(application: MySqlEndpoint) -> None:
    with connect(replace(application, host="localhost")) as connection:
        assert fetch_rows(connection, "SELECT @@port") == [(application.port,)]


def test_what_is_not_committed_is_rolled_back(application: MySqlEndpoint) -> None:
    with connect(application) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY)")
        cursor.execute("INSERT INTO t VALUES (1)")
    with connect(application) as connection:
        assert fetch_rows(connection, "SELECT * FROM t") == []


def test_connection_is_closed_after_an_error(application: MySqlEndpoint) -> None:
    with pytest.raises(KeyError), connect(application) as connection:
        raise KeyError
    with pytest.raises(MySQLdb.Error):
        connection.ping()


def test_nobody_listens(application: MySqlEndpoint) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets this port meanwhile
        endpoint = replace(application, port=unused.getsockname()[1])
        with pytest.raises(UnreachableError) as caught, connect(endpoint):
            pass
    assert re.fullmatch(
        rf"cannot reach mysql://{endpoint.user}@127\.0\.0\.1:{endpoint.port}/{endpoint.database}: .*; is the server "
        r"running and the connection right\? Look at host, port and the server's log",
        str(caught.value),
    )
    assert endpoint.password not in str(caught.value)


def test_no_such_socket(owner: MySqlEndpoint) -> None:
    endpoint = replace(owner, unix_socket="/nowhere/s", user="root")
    with pytest.raises(UnreachableError, match=r"cannot reach mysql://root@unix\(/nowhere/s\)/"), connect(endpoint):
        pass


def test_wrong_password(application: MySqlEndpoint) -> None:
    with pytest.raises(AccessDeniedError) as caught, connect(replace(application, password="wr0ng-pass")):
        pass
    assert str(caught.value) == (
        f"{application} refuses the login: Access denied for user '{application.user}'@'localhost' "
        "(using password: YES); correct user or password of the connection"
    )
    assert isinstance(caught.value, TerminalError)
    assert "wr0ng-pass" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_unknown_database(owner: MySqlEndpoint) -> None:
    endpoint = replace(owner, database="nowhere")
    with pytest.raises(SchemaError) as caught, connect(endpoint):
        pass
    assert str(caught.value) == (
        f"{endpoint}: there is no database 'nowhere'; let an administrator run "
        "CREATE DATABASE `nowhere` CHARACTER SET utf8mb4, or correct the name"
    )


def test_database_of_somebody_else(application: MySqlEndpoint) -> None:
    endpoint = replace(application, database="mysql")
    denied = r"does not allow this: .*; let an administrator grant it"
    with pytest.raises(AccessDeniedError, match=denied), connect(endpoint):
        pass


def test_error_in_the_block_is_one_of_ours(application: MySqlEndpoint) -> None:
    with pytest.raises(TerminalError) as caught, connect(application) as connection:
        fetch_rows(connection, "SELECT * FROM nothing")
    assert str(caught.value) == (f"{application}: Table '{application.database}.nothing' doesn't exist (error 1146)")


def test_lock_that_is_not_had_is_transient(application: MySqlEndpoint) -> None:
    with connect(application) as holder, holder.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY)")
        cursor.execute("INSERT INTO t VALUES (1)")
        busy = "another transaction was in the way: Lock wait timeout"
        with pytest.raises(WaitTimeoutError, match=busy), connect(application) as waiting:
            fetch_rows(waiting, "SELECT * FROM t FOR UPDATE NOWAIT")


def test_server_that_ends_the_connection_is_unreachable(application: MySqlEndpoint, admin: Connection) -> None:
    lost = f"cannot reach mysql://{application.user}@"
    with pytest.raises(UnreachableError, match=lost), connect(application) as connection:
        kill_and_ask(admin, connection)


def kill_and_ask(admin: Connection, connection: Connection) -> None:
    admin.query(f"KILL {connection.thread_id()}")
    fetch_rows(connection, "SELECT 1")
