"""A private MariaDB for the tests of this folder."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from infra.endpoints import MySqlEndpoint
from infra.errors import UnreachableError
from infra.mysql.connection import Connection, connect
from infra.mysql.users import ensure_database, ensure_users
from infra.pipeline.naming import Role, user_name

SCHEMA_FILE = Path(__file__).parents[3] / "flink_jobs" / "olympics" / "schema.sql"
PASSWORDS: dict[Role, str] = {"owner": "owner-secret-1", "cdc": "cdc-secret-2", "reader": "reader-secret-3"}
START_SECONDS = 60


@dataclass(frozen=True)
class Database:
    """A running server: its administrator (by socket), and its port on loopback."""

    admin: MySqlEndpoint
    port: int

    def endpoint(self, database: str, role: Role) -> MySqlEndpoint:
        return MySqlEndpoint("127.0.0.1", self.port, user_name(database, role), PASSWORDS[role], database)


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    # A short path: that of a socket can have at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="db") as folder:
        data = f"--datadir={folder}/data"
        user = f"--user={getpass.getuser()}"
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                data,
                user,
                "--skip-test-db",
                "--auth-root-authentication-method=socket",
            ],
            check=True,
            capture_output=True,
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server_socket = f"{folder}/s"
        options = [
            "--bind-address=127.0.0.1",
            f"--port={port}",
            f"--socket={server_socket}",
            f"--pid-file={folder}/pid",
        ]
        binlog = ["--server-id=1", "--log-bin=binlog", "--binlog-format=ROW", "--binlog-row-image=FULL"]
        admin = MySqlEndpoint("localhost", port, getpass.getuser(), "", unix_socket=server_socket)
        with Path(folder, "log").open("wb") as log:
            server = subprocess.Popen(
                ["mariadbd", "--no-defaults", data, user, *options, *binlog], stdout=log, stderr=log
            )
        try:
            _wait_for_server(server, admin, Path(folder, "log"))
            yield Database(admin, port)
        finally:
            server.terminate()
            server.wait(START_SECONDS)


def _wait_for_server(server: subprocess.Popen[bytes], admin: MySqlEndpoint, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with connect(admin):
                return
        except UnreachableError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"mariadbd does not answer:\n{log.read_text()}") from None
            time.sleep(0.05)  # the poll's interval


@pytest.fixture
def admin(database: Database) -> Iterator[Connection]:
    with connect(database.admin) as connection:
        yield connection


@pytest.fixture
def name(database: Database) -> Iterator[str]:
    """A database of this test with all three users; dropped afterwards."""
    name = f"games_{os.urandom(4).hex()}"
    with connect(database.admin) as admin:
        ensure_database(admin, name)
        ensure_users(admin, name, PASSWORDS)
    yield name
    with connect(database.admin) as admin, admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        for role in PASSWORDS:
            cursor.execute("DROP USER IF EXISTS %s@'%%'", [user_name(name, role)])


@pytest.fixture
def owner(database: Database, name: str) -> MySqlEndpoint:
    return database.endpoint(name, "owner")


@pytest.fixture
def cdc(database: Database, name: str) -> MySqlEndpoint:
    return database.endpoint(name, "cdc")


@pytest.fixture
def administrator(database: Database, name: str) -> MySqlEndpoint:
    """The administrator, with the database of this test."""
    return replace(database.admin, database=name)
