"""A private server for the tests of this folder: MariaDB, or MySQL with `DATABASE=mysql`."""

from __future__ import annotations

import os
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
from infra.settings import load_settings
from infra.stacks.data_directory import ensure_data_dir
from infra.stacks.local.database import mysql_admin, mysql_service
from infra.stacks.local.private import private_environment

SCHEMA_FILE = Path(__file__).parents[3] / "flink_jobs" / "olympics" / "schema.sql"
PASSWORDS: dict[Role, str] = {"owner": "owner-secret-1", "cdc": "cdc-secret-2", "reader": "reader-secret-3"}
START_SECONDS = 60
# MariaDB's words for the same, and MySQL's.
_WORDS = {
    "`name` varchar(255) NOT NULL": "`name` varchar(255) COLLATE utf8mb4_0900_bin NOT NULL",
    "utf8mb4_nopad_bin": "utf8mb4_0900_bin",
    "int(11)": "int",
    "bigint(20)": "bigint",
    "MariaDB server version": "MySQL server version",
    "for key 'bib'": "for key 'bibs.bib'",
}


@dataclass(frozen=True)
class Database:
    """A running server: its administrator (by socket), its port on loopback, and `mariadb` or `mysql`."""

    admin: MySqlEndpoint
    port: int
    server: str

    def words(self, text: str) -> str:
        """Return a statement or message of MariaDB in the words of this server."""
        if self.server == "mysql":
            for of_mariadb, of_mysql in _WORDS.items():
                text = text.replace(of_mariadb, of_mysql)
        return text

    def endpoint(self, database: str, role: Role) -> MySqlEndpoint:
        return MySqlEndpoint("127.0.0.1", self.port, user_name(database, role), PASSWORDS[role], database)


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    # A short path: that of a socket can have at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="db") as folder:
        settings = load_settings(private_environment(Path(folder)))
        ensure_data_dir(settings)
        service = mysql_service(settings)
        service.write_files()
        service.prepare()
        with Path(folder, "log").open("wb") as log:
            server = subprocess.Popen(service.command, cwd=service.directory, stdout=log, stderr=log)
        try:
            _wait_for_server(server, mysql_admin(settings), Path(folder, "log"))
            yield Database(mysql_admin(settings), settings.ports.mysql, settings.mysql.server)
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
                raise AssertionError(f"the server does not answer:\n{log.read_text()}") from None
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
