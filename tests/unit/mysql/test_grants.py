"""SHOW GRANTS of MySQL and MariaDB."""

from __future__ import annotations

import pytest

from infra.mysql.grants import allows, allows_globally, database_scope, parse_grants

MARIADB_CDC = [
    "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `games_cdc`@`%` IDENTIFIED BY PASSWORD '*B69027D4 ON x.y TO z'",
    "GRANT SELECT ON `games`.* TO `games_cdc`@`%`",
]
MYSQL_CDC = [
    "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `games_cdc`@`%`",
    "GRANT SELECT ON `games`.* TO `games_cdc`@`%`",
]


@pytest.mark.parametrize("lines", [MARIADB_CDC, MYSQL_CDC])
def test_grants_of_both_servers_are_equal(lines: list[str]) -> None:
    assert parse_grants(lines) == {
        "*.*": frozenset({"REPLICATION SLAVE", "REPLICATION CLIENT"}),
        "`games`.*": frozenset({"SELECT"}),
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*AA'", {}),
        ("GRANT REPLICATION REPLICA ON *.* TO `u`@`%`", {"*.*": {"REPLICATION SLAVE"}}),
        ("GRANT ALL PRIVILEGES ON *.* TO `u`@`%` WITH GRANT OPTION", {"*.*": {"ALL PRIVILEGES", "GRANT OPTION"}}),
        ("GRANT SELECT (`a`, `b`), INSERT ON `g`.`t` TO `u`@`%`", {"`g`.`t`": {"SELECT (`A`, `B`)", "INSERT"}}),
        ("GRANT `auditor`@`%` TO `u`@`%`", {"role `auditor`@`%`": {"MEMBER"}}),
        ("GRANT SELECT ON `a``b ON c`.* TO `u`@`%`", {"`a``b ON c`.*": {"SELECT"}}),
    ],
)
def test_one_line(line: str, expected: dict[str, set[str]]) -> None:
    assert parse_grants([line]) == expected


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ("*.*", True),
        ("`my_games`.*", True),
        (r"`my\_games`.*", True),
        ("`my%`.*", True),
        ("`my_games`.`players`", True),
        ("`my_games`.`scores`", False),
        (r"`my\_game`.*", False),
        (r"`my\%`.*", False),
        ("`other`.*", False),
    ],
)
def test_scope_covers_the_table(scope: str, covered: bool) -> None:
    assert allows({scope: frozenset({"SELECT"})}, "SELECT", "my_games", "players") is covered
    assert allows({scope: frozenset({"ALL PRIVILEGES"})}, "SELECT", "my_games", "players") is covered
    assert not allows({scope: frozenset({"INSERT"})}, "SELECT", "my_games", "players")


def test_escaped_underscore_is_not_a_wildcard() -> None:
    assert not allows({r"`my\_games`.*": frozenset({"SELECT"})}, "SELECT", "my-games", "players")
    assert allows({"`my_games`.*": frozenset({"SELECT"})}, "SELECT", "my-games", "players")


def test_global_privileges_come_only_from_the_global_scope() -> None:
    assert allows_globally({"*.*": frozenset({"ALL PRIVILEGES"})}, "REPLICATION SLAVE")
    assert not allows_globally({"`games`.*": frozenset({"ALL PRIVILEGES"})}, "REPLICATION SLAVE")


@pytest.mark.parametrize(("wildcards", "scope"), [(True, r"`my\_games`.*"), (False, "`my_games`.*")])
def test_scope_of_only_one_database(wildcards: bool, scope: str) -> None:
    assert database_scope("my_games", wildcards=wildcards) == scope
