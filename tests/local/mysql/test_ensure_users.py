"""The three users: exactly their grants after every run, and no password in the binlog."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.endpoints import MySqlEndpoint
from infra.errors import AccessDeniedError
from infra.mysql.connection import Connection, binlog_position, connect, fetch_rows
from infra.mysql.grants import show_grants
from infra.mysql.users import ensure_database, ensure_users, preview_users
from infra.pipeline.naming import Role, user_name


def scope(name: str) -> str:
    return "`" + name.replace("_", r"\_") + "`.*"


def expected_grants(name: str) -> dict[str, dict[str, frozenset[str]]]:
    return {
        "owner": {scope(name): frozenset({"ALL PRIVILEGES"})},
        "cdc": {
            "*.*": frozenset({"REPLICATION SLAVE", "REPLICATION CLIENT"}),
            scope(name): frozenset({"SELECT"}),
        },
        "reader": {scope(name): frozenset({"SELECT"})},
    }


def found_grants(admin: Connection, name: str) -> dict[str, dict[str, frozenset[str]]]:
    return {role: show_grants(admin, user_name(name, role)) for role in ("owner", "cdc", "reader")}


def test_database_is_created_once(admin: Connection, name: str) -> None:
    assert ensure_database(admin, name) == "unchanged"
    admin.query(f"DROP DATABASE {name}")
    assert ensure_database(admin, name) == "created"
    charset = "SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"
    assert fetch_rows(admin, charset, [name]) == [("utf8mb4",)]


def test_grants_are_exact(admin: Connection, name: str) -> None:
    assert found_grants(admin, name) == expected_grants(name)


def test_second_run_changes_no_grants(admin: Connection, name: str) -> None:
    assert ensure_users(admin, name, {"cdc": "new-1", "reader": "new-2"}) == [
        f"{name}_cdc: password set, grants unchanged",
        f"{name}_reader: password set, grants unchanged",
    ]


def test_preview_shows_each_user_that_would_change_and_changes_nothing(admin: Connection, name: str) -> None:
    admin.query(f"DROP USER {name}_reader")
    admin.query(f"GRANT INSERT ON {name}.* TO {name}_cdc")
    before, position = show_grants(admin, f"{name}_cdc"), binlog_position(admin)

    preview = preview_users(admin, name, {"owner": None, "cdc": None, "reader": "x"})

    assert [line for change in preview for line in change.lines()] == [
        f"= database {name}",
        f"= user {name}_owner",
        f"~ user {name}_cdc: grants",
        f"    SELECT on {scope(name)}",
        "    REPLICATION CLIENT, REPLICATION SLAVE on *.*",
        f"+ user {name}_reader: SELECT on {scope(name)}",
    ]
    assert (show_grants(admin, f"{name}_cdc"), binlog_position(admin)) == (before, position)
    assert preview_users(admin, name, {"owner": "new"})[1].lines() == [f"~ user {name}_owner: its password"]
    assert preview_users(admin, f"{name}_2", {})[0].lines() == [f"+ database {name}_2"]


def test_new_user_is_reported_as_created(admin: Connection, name: str) -> None:
    admin.query(f"DROP USER {name}_reader")
    assert ensure_users(admin, name, {"reader": "x"}) == [f"{name}_reader: created"]
    assert found_grants(admin, name) == expected_grants(name)


@pytest.mark.parametrize(
    "grant",
    [
        "GRANT INSERT ON {name}.* TO {name}_reader",
        "GRANT PROCESS, FILE ON *.* TO {name}_reader",
        "GRANT UPDATE (Host) ON mysql.db TO {name}_reader",
        "GRANT SELECT ON {name}.* TO {name}_reader WITH GRANT OPTION",
        "CREATE ROLE IF NOT EXISTS {name}_role; GRANT {name}_role TO {name}_reader",
        r"REVOKE SELECT ON `{escaped}`.* FROM {name}_reader",
    ],
)
def test_other_grants_are_revoked(admin: Connection, name: str, grant: str) -> None:
    with admin.cursor() as cursor:
        cursor.execute(grant.format(name=name, escaped=name.replace("_", r"\_")))
        while cursor.nextset():
            pass
    assert ensure_users(admin, name, {"reader": "reader-secret-3"}) == [f"{name}_reader: password set, grants changed"]
    assert found_grants(admin, name) == expected_grants(name)
    with admin.cursor() as cursor:
        cursor.execute(f"DROP ROLE IF EXISTS {name}_role")


def test_underscore_in_the_name_does_not_open_another_database(
    admin: Connection, name: str, owner: MySqlEndpoint
) -> None:
    lookalike = name.replace("_", "x")
    ensure_database(admin, lookalike)
    with pytest.raises(AccessDeniedError), connect(replace(owner, database=lookalike)):
        pass
    admin.query(f"DROP DATABASE {lookalike}")


def test_password_is_changed(admin: Connection, name: str, owner: MySqlEndpoint) -> None:
    ensure_users(admin, name, {"owner": 'it\'s "new" %s \\'})
    with pytest.raises(AccessDeniedError), connect(owner):
        pass
    with connect(replace(owner, password='it\'s "new" %s \\')):
        pass


def test_binlog_does_not_contain_passwords_and_is_enabled_afterwards(admin: Connection, name: str) -> None:
    before = binlog_position(admin)
    ensure_users(admin, name, {"reader": "x", "cdc": "y", "owner": "z"})
    assert binlog_position(admin) == before
    assert fetch_rows(admin, "SELECT @@sql_log_bin") == [(1,)]


def test_roles_can_do_their_tasks(admin: Connection, name: str, owner: MySqlEndpoint) -> None:
    with connect(owner) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY)")
        cursor.execute("CREATE TEMPORARY TABLE s (id INT)")
    readers: dict[Role, str] = {"reader": "reader-secret-3", "cdc": "cdc-secret-2"}
    for role, password in readers.items():
        endpoint = replace(owner, user=user_name(name, role), password=password)
        with connect(endpoint) as connection:
            assert fetch_rows(connection, "SELECT * FROM t") == []
        with pytest.raises(AccessDeniedError, match="INSERT command denied"), connect(endpoint) as connection:
            connection.query("INSERT INTO t VALUES (1)")


def test_only_the_cdc_user_can_read_the_position_in_the_binlog(cdc: MySqlEndpoint, owner: MySqlEndpoint) -> None:
    with connect(cdc) as connection:
        assert binlog_position(connection)
    with pytest.raises(AccessDeniedError, match=r"BINLOG MONITOR|REPLICATION CLIENT"), connect(owner) as connection:
        binlog_position(connection)


def test_administrator_without_the_privilege_is_rejected(owner: MySqlEndpoint, name: str) -> None:
    with pytest.raises(AccessDeniedError, match="denied the statement"), connect(owner) as connection:
        ensure_users(connection, name, {"reader": "x"})
