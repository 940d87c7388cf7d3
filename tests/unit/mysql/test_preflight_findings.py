"""The preflight checks on facts of servers that are not available here, such as MySQL 8.4."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from infra.mysql.preflight import (
    Finding,
    ServerFacts,
    check_grants,
    check_interceptor,
    check_server,
    check_server_ids,
    check_table,
    parse_range,
)

READY = ServerFacts(
    variables={
        "version": "8.0.36",
        "log_bin": "ON",
        "binlog_format": "ROW",
        "binlog_row_image": "FULL",
        "server_id": "1",
        "binlog_expire_logs_seconds": "2592000",
        "expire_logs_days": "0",
    },
    grants={"*.*": frozenset({"REPLICATION SLAVE", "REPLICATION CLIENT"}), "`games`.*": frozenset({"SELECT"})},
    table_exists=True,
    primary_key=("id",),
)


def failures(findings: Iterable[Finding]) -> list[str]:
    return [finding.text for finding in findings if not finding.passed]


def with_variables(**changed: str) -> ServerFacts:
    return replace(READY, variables={**READY.variables, **changed})


def test_ready_server_has_a_line_per_check() -> None:
    findings = [
        *check_server(READY, 24),
        *check_grants(READY, "games_cdc", "games", "players"),
        *check_server_ids(READY, "5400-5409", {"other": "5410-5419"}),
        check_table(READY, "games", "players"),
    ]
    assert failures(findings) == []
    assert [finding.text for finding in findings] == [
        "ok server version 8.0.36 is supported",
        "ok log_bin is ON",
        "ok binlog_format is ROW",
        "ok binlog_row_image is FULL",
        "ok binlogs are kept for 720 h, at least 24 h",
        "ok binlog_transaction_compression is OFF",
        "ok no transaction has a tagged GTID",
        "ok no visible column has the type VECTOR",
        "ok user 'games_cdc' can log in to the binlog",
        "ok user 'games_cdc' has REPLICATION SLAVE on *.*",
        "ok user 'games_cdc' has REPLICATION CLIENT on *.*",
        "ok user 'games_cdc' has SELECT on `games`.*",
        "ok server_ids 5400-5409 does not contain the server's own id 1",
        "ok server_ids 5400-5409 does not overlap the range of another pipeline",
        (
            "not checked: whether another reader of this server uses 5400-5409. The server does not show it, and "
            "disconnects one of two readers with the same id, in turns"
        ),
        "ok table `games`.`players` has the primary key id",
    ]


@pytest.mark.parametrize(
    "version",
    ["5.7.44-log", "8.0.36", "8.4.7", "9.7.4", "10.6.22-MariaDB", "10.11.19-MariaDB-0+deb12u1-log", "11.8.2-MariaDB"],
)
def test_supported_version(version: str) -> None:
    assert failures(check_server(with_variables(version=version), 24)) == []


@pytest.mark.parametrize("version", ["5.6.51", "9.8.0", "10.0.1"])
def test_version_that_was_not_tried(version: str) -> None:
    assert failures(check_server(with_variables(version=version), 24)) == [
        (
            f"server version {version} was not tried with the CDC connector. Expected MySQL 5.7 to 9.7, or MariaDB "
            "10.3 or later. Use one of them."
        )
    ]


def test_old_mariadb() -> None:
    assert failures(check_server(with_variables(version="10.2.44-MariaDB"), 24)) == [
        "server version 10.2.44-MariaDB is too old. Expected MariaDB 10.3 or later. Upgrade the server."
    ]


UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"


@pytest.mark.parametrize(
    ("name", "gtids", "tags"),
    [
        ("gtid_executed", f"{UUID}:1-5", None),
        ("gtid_executed", "", None),
        ("gtid_executed", f"{UUID}:1-5:7,\n{UUID}:orders:1-2", "orders"),
        ("gtid_purged", f"{UUID}:1-5:b_1:1:a:2-3:b_1:7", "a, b_1"),
    ],
)
def test_tagged_gtids(name: str, gtids: str, tags: str | None) -> None:
    expected = (
        f"the server has GTIDs with a tag ({tags}), on which the CDC connector fails. Stop using tags (gtid_next = "
        "'AUTOMATIC:tag'), then run RESET BINARY LOGS AND GTIDS, and restart the server."
    )
    assert failures(check_server(with_variables(**{name: gtids}), 24)) == ([expected] if tags else [])


def test_compressed_transactions_are_refused() -> None:
    assert failures(check_server(with_variables(binlog_transaction_compression="ON"), 24)) == [
        (
            "binlog_transaction_compression is ON. Expected OFF, because the CDC connector skips compressed "
            "transactions without an error. Run SET GLOBAL binlog_transaction_compression = OFF, "
            "and set it in the server's configuration."
        )
    ]


def test_vector_columns_are_refused() -> None:
    assert failures(check_server(replace(READY, vector_columns=("shop.items.embedding",)), 24)) == [
        (
            "columns of type VECTOR (shop.items.embedding) end the CDC connector when they are written, in any "
            "database of the server. Move them to another server, or change their type."
        )
    ]


def test_authentication_without_support_is_refused() -> None:
    found = failures(check_grants(replace(READY, authentication="sha256_password"), "games_cdc", "games", "players"))
    assert found == [
        (
            "user 'games_cdc' logs in with sha256_password, which the CDC connector does not support. "
            "Run ALTER USER 'games_cdc'@'%' IDENTIFIED WITH caching_sha2_password BY '...'."
        )
    ]


def test_mariadb_has_no_checks_of_mysql_but_a_warning() -> None:
    findings = list(check_server(with_variables(version="11.8.2-MariaDB", binlog_transaction_compression="ON"), 24))
    assert failures(findings) == []
    assert findings[-1].text.startswith("not checked: a failover. The CDC connector ignores the GTIDs of MariaDB")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"log_bin": "OFF"},
            "log_bin is OFF. Expected ON. Set log-bin in the server's configuration, and restart the server.",
        ),
        (
            {"binlog_format": "MIXED"},
            (
                "binlog_format is MIXED. Expected ROW. Run SET GLOBAL binlog_format = 'ROW', "
                "and set it in the server's configuration."
            ),
        ),
        (
            {"binlog_row_image": "NOBLOB"},
            (
                "binlog_row_image is NOBLOB. Expected FULL. Run SET GLOBAL binlog_row_image = 'FULL', "
                "and set it in the server's configuration."
            ),
        ),
        (
            {"binlog_expire_logs_seconds": "3600"},
            (
                "binlogs are kept for 1 h. Expected at least 24 h, because a job that is down longer cannot resume. "
                "Run SET GLOBAL binlog_expire_logs_seconds = 86400, and set it in the server's configuration."
            ),
        ),
    ],
)
def test_setting_that_is_not_ready(changed: dict[str, str], expected: str) -> None:
    assert failures(check_server(with_variables(**changed), 24)) == [expected]


@pytest.mark.parametrize(
    ("seconds", "days", "line"),
    [
        ("0", "0", "ok binlogs are kept forever"),
        ("0", "7", "ok binlogs are kept for 168 h, at least 24 h"),
        ("172800", "1", "ok binlogs are kept for 48 h, at least 24 h"),
        ("86400", "0", "ok binlogs are kept for 24 h, at least 24 h"),
    ],
)
def test_retention(seconds: str, days: str, line: str) -> None:
    facts = with_variables(binlog_expire_logs_seconds=seconds, expire_logs_days=days)
    assert line in [finding.text for finding in check_server(facts, 24)]


def test_missing_privileges_are_named_with_the_statement() -> None:
    facts = replace(READY, grants={"`elsewhere`.*": frozenset({"ALL PRIVILEGES"})})
    assert failures(check_grants(facts, "games_cdc", "games", "players")) == [
        "user 'games_cdc' does not have REPLICATION SLAVE. Run GRANT REPLICATION SLAVE ON *.* TO 'games_cdc'@'%'.",
        "user 'games_cdc' does not have REPLICATION CLIENT. Run GRANT REPLICATION CLIENT ON *.* TO 'games_cdc'@'%'.",
        "user 'games_cdc' does not have SELECT. Run GRANT SELECT ON `games`.* TO 'games_cdc'@'%'.",
    ]


@pytest.mark.parametrize(
    ("server_ids", "others", "expected"),
    [
        ("5400", {}, "server_ids '5400' is not a range. Write it as first-last, from 1 to 4294967295."),
        ("9-3", {}, "server_ids '9-3' is not a range. Write it as first-last, from 1 to 4294967295."),
        ("1-5", {}, "server_ids 1-5 contains the server's own id 1. Choose another range for server_ids."),
        ("20-29", {"a": "29-30"}, "server_ids 20-29 overlaps 29-30 of pipeline 'a'. Give each its own range."),
        (
            "20-29",
            {"a": "30-", "b": "30-39"},
            "server_ids '30-' of pipeline 'a' is not a range. Write it as first-last.",
        ),
    ],
)
def test_server_ids(server_ids: str, others: dict[str, str], expected: str) -> None:
    assert failures(check_server_ids(READY, server_ids, others)) == [expected]


def test_table() -> None:
    assert check_table(replace(READY, table_exists=False), "games", "players") == Finding(
        False, "table `games`.`players` does not exist, or this user cannot see it. Create it, or grant SELECT."
    )
    assert check_table(replace(READY, primary_key=()), "games", "players") == Finding(
        False, "table `games`.`players` does not have a primary key. Add one with ALTER TABLE."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1-1", range(1, 2)),
        ("1-4294967295", range(1, 4294967296)),
        ("0-5", None),
        ("1-4294967296", None),
        ("a-b", None),
        ("1 - 2", None),
        ("\u0661-\u0662", None),
        ("", None),
    ],
)
def test_range(text: str, expected: range | None) -> None:
    assert parse_range(text) == expected


@pytest.mark.parametrize("version", ["8.0.36", "11.4.2-MariaDB-log"])
def test_older_servers_and_mariadb_need_no_interceptor(version: str) -> None:
    assert list(check_interceptor(with_variables(version=version), ["10_orders.sql"])) == []


def test_reader_without_the_interceptor_is_named() -> None:
    server = with_variables(version="9.7.4")

    assert failures(check_interceptor(server, [])) == []
    assert failures(check_interceptor(server, ["10_orders.sql", "11_items.sql"])) == [
        (
            "10_orders.sql, 11_items.sql: the CDC connector cannot read MySQL 9.7.4 without the query interceptor. Add "
            "'jdbc.properties.queryInterceptors' = 'olympicstreaming.BinaryLogStatus' to the options of the table."
        )
    ]
