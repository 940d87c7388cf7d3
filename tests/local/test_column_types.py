"""Every column type with its boundary values: the topic has what the database has, from the snapshot and the binlog."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.kafka.bulk import bulk_reader
from infra.kafka.client import consumer
from infra.kafka.reader import TableReader
from infra.kafka.reloads import await_reload, request_reload
from infra.mysql.column_types import EXACT_CHARSETS
from infra.mysql.connection import Connection, connect, fetch_rows
from infra.pipeline.naming import reload_topic
from tests.local.capture_job import CaptureJob, capture_job, create_database
from tests.local.conftest import Stack
from tests.support.column_cases import TypeCase, cases

DATABASE = "kinds"
SECONDS = 120.0
DEFINITION = f"""
name: {DATABASE}
description: Tables of every column type.
source:
  mysql:
    database: {DATABASE}
    tables: ["type_*", "charset_*"]
    topics: {{prefix: {DATABASE}., partitions: 2, config: {{max.message.bytes: 4194304}}}}
    server_ids: 5600-5609
jobs:
  capture: {{script: capture_tables.py, uses: [kafka, mysql], parallelism: 2}}
"""
# Zero dates are allowed, and the zone of the server is not that of the job.
_SESSION = "SET SESSION sql_mode = '', time_zone = '+00:00', group_concat_max_len = 100000"
_CHARACTERS = [*range(1, 0xD800), *range(0xE000, 0xFFFE), *range(0x1F600, 0x1F640)]
# Rows of 256 characters, with those that the character set has.
_ALL_CHARACTERS = """
    INSERT INTO charset_{charset} SELECT {first} + number DIV 256, GROUP_CONCAT(c ORDER BY number SEPARATOR '')
    FROM characters
    WHERE CONVERT(CONVERT(c USING {charset}) USING utf8mb4) COLLATE utf8mb4_bin = c GROUP BY 1"""


@dataclass(frozen=True)
class Capture:
    """The running job of the tables, and what a test needs to compare them."""

    job: CaptureJob
    admin: MySqlEndpoint
    cases: list[TypeCase]
    charsets: list[str]

    @property
    def kafka(self) -> KafkaEndpoint:
        return self.job.stack.kafka

    def values(self, case: str) -> dict[int, object]:
        """Return the column `value` by id, from the topic."""
        return {row["id"]: row["value"] for row in self.job.rows(f"type_{case}")}


def insert(connection: Connection, case: TypeCase, first: int) -> None:
    values = [*case.values, *([] if "NOT NULL" in case.type else ["NULL"])]
    run(connection, *(f"INSERT INTO {case.table} VALUES ({first + n}, {value})" for n, value in enumerate(values)))


def run(connection: Connection, *statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def ends(capture: Capture, topics: list[str]) -> dict[tuple[str, int], int]:
    with bulk_reader(capture.kafka) as reader:
        states = reader.states(topics)
    return {(topic, number): end for topic, state in states.items() for number, end in state.ends.items()}


def current_records(capture: Capture, topics: list[str]) -> dict[str, dict[bytes, object]]:
    """Return the last value of each key by topic; MySQL has the fields of a document in another order in the binlog."""
    with consumer(capture.kafka) as client:
        tables = TableReader(client, topics)
        tables.refresh()
    return {topic: {key: json.loads(value) for key, value in rows.items()} for topic, rows in tables.tables.items()}


def insert_characters(connection: Connection, charsets: list[str], first: int) -> None:
    run(connection, *(_ALL_CHARACTERS.format(charset=charset, first=first) for charset in charsets))


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Iterator[MySqlEndpoint]:
    """The administrator of a server in another time zone."""
    create_database(stack, DATABASE, "SET GLOBAL time_zone = '+05:30'")
    yield replace(stack.mysql_admin, database=DATABASE)
    with connect(stack.mysql_admin) as connection:
        run(connection, "SET GLOBAL time_zone = 'SYSTEM'", f"DROP DATABASE {DATABASE}")


@pytest.fixture(scope="module")
def tables(stack: Stack, admin: MySqlEndpoint) -> tuple[list[TypeCase], list[str]]:
    """The tables of all types and character sets, with rows for the snapshot."""
    chosen = cases(stack.settings.mysql.server)
    with connect(admin) as connection:
        run(connection, _SESSION, "CREATE TABLE characters (number INT PRIMARY KEY, c VARCHAR(1) COLLATE utf8mb4_bin)")
        with connection.cursor() as cursor:
            rows = [(number, chr(number)) for number in _CHARACTERS]
            cursor.executemany("INSERT INTO characters VALUES (%s, %s)", rows)
        known = {row[0] for row in fetch_rows(connection, "SHOW CHARACTER SET")}
        charsets = sorted(known & EXACT_CHARSETS)
        for charset in charsets:
            value = f"VARCHAR(300) CHARACTER SET {charset}"
            run(connection, f"CREATE TABLE charset_{charset} (id INT PRIMARY KEY, value {value})")
        insert_characters(connection, charsets, 0)
        for case in chosen:
            run(connection, f"CREATE TABLE {case.table} (id INT PRIMARY KEY, value {case.type})")
            insert(connection, case, 1)
            insert(connection, case, 500)
        connection.commit()
    return chosen, charsets


@pytest.fixture(scope="module")
def capture(
    stack: Stack,
    admin: MySqlEndpoint,
    tables: tuple[list[TypeCase], list[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Capture]:
    with capture_job(stack, tmp_path_factory.mktemp("pipelines") / DATABASE, DEFINITION) as job:
        yield Capture(job, admin, *tables)


def test_snapshot_equals_the_tables(capture: Capture) -> None:
    rows = capture.job.agree(SECONDS)

    assert len(rows) == len(capture.cases) + len(capture.charsets)
    assert all(rows.values())


def test_changes_equal_the_tables(capture: Capture) -> None:
    with connect(capture.admin) as connection:
        run(connection, _SESSION)
        for case in capture.cases:
            insert(connection, case, 1000)
            following = [*case.values[1:], case.values[0]]
            for number, value in enumerate(following, start=1):
                run(connection, f"UPDATE {case.table} SET value = {value} WHERE id = {number}")
            run(connection, f"DELETE FROM {case.table} WHERE id = 500")
            run(connection, f"UPDATE {case.table} SET id = 2000 WHERE id = 501")
        insert_characters(connection, capture.charsets, 10_000)
        connection.commit()

    capture.job.agree(SECONDS)


def test_tables_that_are_read_again_equal_the_tables(capture: Capture) -> None:
    """Another reader than that of the snapshot, with the same values."""
    topics = list(capture.job.pipeline.checks)
    before = current_records(capture, topics)
    requests, end = reload_topic(DATABASE), ends(capture, topics)
    asked = {
        topic: request_reload(capture.kafka, requests, topic.removeprefix(f"{DATABASE}."), "", []) for topic in topics
    }

    for topic, request in asked.items():
        reloaded = await_reload(capture.kafka, requests, request, SECONDS, list, print)
        assert reloaded.rows == len(before[topic])

    assert current_records(capture, topics) == before
    assert sum(ends(capture, topics).values()) == sum(end.values()) + sum(map(len, before.values()))


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("bigint_unsigned", [0, 9223372036854775808, 18446744073709551615, None]),
        ("decimal_scale", ["10.50", "-10.50", "0.00", "-0.01", "99999999.99", None]),
        ("bit_12", [0b100000000001, 0b111111111111, None]),
        ("year", [1901, 2026, 2155, 0, None]),
        ("char", ["", "a", "a", "  a", "Müller 😀", None]),
        ("enum", ["small", "it's", "a, b", "", "ü", None]),
        ("binary_1", ["AA==", "IA==", None]),
        ("date_zero_not_null", [None, "1970-01-01"]),
        ("time_whole", ["-02:00:00", "-02:04:00", "-02:04:03", "-02:04:04", "-00:01:00", "-00:01:03", "-838:00:00"]),
        ("time_3", ["-00:00:00.001", "-10:00:59.999", "12:00:00.1", None]),
        ("datetime_6", [
            "1969-12-31 23:59:59.999999", "2026-02-08 10:30:00.000001", "9999-12-31 23:59:59.999999", None,
        ]),
        ("timestamp_3", ["2026-02-08 10:30:00.12Z", None]),
        ("timestamp_zero", [None, "2026-02-08 10:30:00Z"]),
        ("point", [
            {"srid": 0, "wkb": "AQEAAAAAAAAAAADwPwAAAAAAAABA"},
            {"srid": 0, "wkb": "AQEAAAAAAAAAAAD4vwAAACBfoBJC"},
            None,
        ]),
    ],
)  # fmt: skip
def test_values_of_the_topic(capture: Capture, case: str, expected: list[object]) -> None:
    """Not only equal to what the check selects: the snapshot has them from id 502 on, and the binlog from 1000."""
    found = capture.values(case)

    assert [found[1000 + number] for number in range(len(expected))] == expected
    assert [found[500 + number] for number in range(2, len(expected))] == expected[2:]


def test_document_is_nested(capture: Capture) -> None:
    if capture.job.stack.settings.mysql.server != "mysql":
        assert capture.values("json")[1002] == "[]"  # a document of MariaDB is text
        return
    assert capture.values("json")[1002] == []
    assert capture.values("json")[1007] == [1, -1, 18446744073709551615, 9223372036854775808]


def test_key_has_only_the_key_columns(capture: Capture) -> None:
    topic = f"{DATABASE}.type_date"
    with bulk_reader(capture.kafka) as reader:
        state = reader.states([topic])[topic]
        starts = {(topic, number): offset for number, offset in state.beginnings.items()}
        ends = {(topic, number): offset for number, offset in state.ends.items()}
        keys = {row[3] for batch in reader.batches(starts, ends) for row in batch.rows[topic]}

    assert {tuple(json.loads(key or b"")) for key in keys} == {("id",)}
