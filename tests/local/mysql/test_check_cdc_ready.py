"""The preflight on a real server: success, and each failure that can be caused while the server runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.endpoints import MySqlEndpoint
from infra.errors import PreflightError
from infra.mysql.connection import Connection, fetch_rows
from infra.mysql.preflight import check_cdc_ready
from infra.mysql.schema import ensure_schema
from tests.local.mysql.conftest import Database

SCHEMA_FILE = Path(__file__).parents[3] / "flink_jobs" / "olympics" / "schema.sql"


@pytest.fixture(autouse=True)
def players(owner: MySqlEndpoint) -> None:
    ensure_schema(owner, SCHEMA_FILE, "players", "games")


@contextmanager
def setting(admin: Connection, variable: str, value: str) -> Iterator[None]:
    before = fetch_rows(admin, f"SELECT @@GLOBAL.{variable}")[0][0]
    with admin.cursor() as cursor:
        cursor.execute(f"SET GLOBAL {variable} = %s", [int(value) if value.isdigit() else value])
        try:
            yield
        finally:
            cursor.execute(f"SET GLOBAL {variable} = %s", [before])


def failures(cdc: MySqlEndpoint, name: str, table: str = "players", server_ids: str = "5400-5409") -> list[str]:
    with pytest.raises(PreflightError) as caught:
        check_cdc_ready(cdc, name, table, server_ids)
    first, *others = str(caught.value).splitlines()
    assert first == f"{cdc} is not ready for change data capture; failed checks: {len(others)}"
    return [line.removeprefix("  - ") for line in others]


OF_SERVER = {
    "mariadb": [
        (
            "not checked: a failover. The CDC connector ignores the GTIDs of MariaDB, so after one it goes on at the "
            "same file and position, which are others on the new server: start from scratch then"
        )
    ],
    "mysql": [
        "ok binlog_transaction_compression is OFF",
        "ok no transaction has a tagged GTID",
        "ok no visible column has the type VECTOR",
        "ok the jobs read the binlog position as this version requires",
    ],
}


def test_ready(database: Database, cdc: MySqlEndpoint, name: str, admin: Connection) -> None:
    version = fetch_rows(admin, "SELECT @@version")[0][0]
    assert check_cdc_ready(cdc, name, "players", "5400-5409", {"other": "5410-5419"}) == [
        f"ok server version {version} is supported",
        "ok log_bin is ON",
        "ok binlog_format is ROW",
        "ok binlog_row_image is FULL",
        "ok binlogs are kept for 168 h, at least 24 h",
        *OF_SERVER[database.server],
        f"ok user '{name}_cdc' can log in to the binlog",
        f"ok user '{name}_cdc' has REPLICATION SLAVE on *.*",
        f"ok user '{name}_cdc' has REPLICATION CLIENT on *.*",
        f"ok user '{name}_cdc' has SELECT on `{name}`.*",
        "ok server_ids 5400-5409 does not contain the server's own id 1",
        "ok server_ids 5400-5409 does not overlap the range of another pipeline",
        (
            "not checked: whether another reader of this server uses 5400-5409. The server does not show it, and "
            "disconnects one of two readers with the same id, in turns"
        ),
        f"ok table `{name}`.`players` has the primary key id",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "failure"),
    [
        (
            "binlog_format",
            "MIXED",
            (
                "binlog_format is MIXED. Expected ROW. Run SET GLOBAL binlog_format = 'ROW', "
                "and set it in the server's configuration."
            ),
        ),
        (
            "binlog_row_image",
            "MINIMAL",
            (
                "binlog_row_image is MINIMAL. Expected FULL. Run SET GLOBAL binlog_row_image = 'FULL', "
                "and set it in the server's configuration."
            ),
        ),
        (
            "binlog_expire_logs_seconds",
            "7200",
            (
                "binlogs are kept for 2 h. Expected at least 24 h, because a job that is down longer cannot resume. "
                "Run SET GLOBAL binlog_expire_logs_seconds = 86400, and set it in the server's configuration."
            ),
        ),
        (
            "server_id",
            "5404",
            "server_ids 5400-5409 contains the server's own id 5404. Choose another range for server_ids.",
        ),
    ],
)
def test_setting(cdc: MySqlEndpoint, name: str, admin: Connection, variable: str, value: str, failure: str) -> None:
    with setting(admin, variable, value):
        assert failures(cdc, name) == [failure]
    check_cdc_ready(cdc, name, "players", "5400-5409")


def test_retention_in_days(database: Database, cdc: MySqlEndpoint, name: str, admin: Connection) -> None:
    # Newer versions of MySQL have only the setting in seconds.
    variable, value = {"mariadb": ("expire_logs_days", "7"), "mysql": ("binlog_expire_logs_seconds", "604800")}[
        database.server
    ]
    with setting(admin, variable, value):
        assert "ok binlogs are kept for 168 h, at least 24 h" in check_cdc_ready(cdc, name, "players", "5400-5409")


def test_retention_in_seconds(cdc: MySqlEndpoint, name: str, admin: Connection) -> None:
    with setting(admin, "binlog_expire_logs_seconds", "90000"):
        assert "ok binlogs are kept for 25 h, at least 24 h" in check_cdc_ready(cdc, name, "players", "5400-5409")


@pytest.mark.parametrize(
    ("privilege", "where"), [("REPLICATION SLAVE", "*.*"), ("REPLICATION CLIENT", "*.*"), ("SELECT", "`{name}`.*")]
)
def test_missing_grant(cdc: MySqlEndpoint, name: str, admin: Connection, privilege: str, where: str) -> None:
    escaped = where.format(name=name.replace("_", r"\_"))
    admin.query(f"REVOKE {privilege} ON {escaped} FROM {name}_cdc")
    statement = f"GRANT {privilege} ON {where.format(name=name)} TO '{name}_cdc'@'%'"
    found = failures(cdc, name)
    assert found[0] == f"user '{name}_cdc' does not have {privilege}. Run {statement}."
    unseen = f"table `{name}`.`players` does not exist, or this user cannot see it. Create it, or grant SELECT."
    assert found[1:] == ([unseen] if privilege == "SELECT" else [])


def test_administrator_has_every_privilege(cdc: MySqlEndpoint, administrator: MySqlEndpoint, name: str) -> None:
    check_cdc_ready(administrator, name, "players", "5400-5409")


def test_missing_table_and_missing_database(cdc: MySqlEndpoint, name: str, admin: Connection) -> None:
    unseen = "does not exist, or this user cannot see it. Create it, or grant SELECT."
    assert failures(cdc, name, table="nobody") == [f"table `{name}`.`nobody` {unseen}"]
    admin.query(f"DROP DATABASE {name}")
    assert failures(cdc, name) == [f"table `{name}`.`players` {unseen}"]


def test_table_without_primary_key(cdc: MySqlEndpoint, name: str, admin: Connection) -> None:
    admin.query(f"CREATE TABLE {name}.loose (id INT NOT NULL UNIQUE)")
    assert failures(cdc, name, table="loose") == [
        f"table `{name}`.`loose` does not have a primary key. Add one with ALTER TABLE."
    ]


def test_every_failure_is_listed(cdc: MySqlEndpoint, name: str, admin: Connection) -> None:
    with setting(admin, "binlog_row_image", "MINIMAL"):
        found = failures(cdc, name, table="nobody", server_ids="9-1")
    assert [line.split()[0] for line in found] == ["binlog_row_image", "server_ids", "table"]
