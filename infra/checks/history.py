"""The recent values of rows that differ: a row that had the expected value for a moment was right then.

While rows keep changing, a topic is ahead of the snapshot when it is read, or still behind it. But all changes of one
key are in one partition in their order. So if the value that the source had at a snapshot is among the values of its
row from just before the snapshot on, the jobs have passed the snapshot with the right value.
"""

# ruff: noqa: S608 -- names cannot be statement parameters; these come from the pipeline definition, and are quoted

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from infra.checks.expected import is_same
from infra.checks.topic_database import TopicDatabase, key_expression, literal, log_of
from infra.errors import CheckFailedError
from infra.kafka.bulk import Partition
from infra.kafka.reader import decode_value
from infra.pipeline import Check

# The history of more rows is not looked at: so many differ because the jobs are late, not because of changes.
MAX_ROWS = 10_000
_FETCHED = 1_000


class _Value(NamedTuple):
    """A value of a row: `key` is None in a tombstone; `is_recent` if it was written after the mark."""

    message_key: bytes | None
    message_value: bytes | None
    key: str | None
    is_recent: bool


class _Suspect(NamedTuple):
    """A row that differs, with the texts of its key and of its expected value."""

    key: str
    expected: str | None
    message_key: bytes | None


class RowHistory:
    """The records of the checked topics from a mark on."""

    def __init__(self, database: TopicDatabase) -> None:
        self._database = database
        self._topics = list(database.pipeline.checks)

    def mark(self, ends: Mapping[Partition, int]) -> None:
        """Let the histories begin with the values that the rows have at these end offsets."""
        connection = self._database.connection
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE checks_marks (topic VARCHAR, source_partition INTEGER, next_offset BIGINT)"
        )
        with connection.appender("checks_marks") as appender:
            appender.append_rows([(*partition, end) for partition, end in ends.items()])

    def match(self) -> None:
        """Update in `checks_differing` which rows have had the value expected of them, and which have it now.

        `changes` becomes the number of records of the row since the mark.
        """
        if self._database.number("SELECT count(*) FROM checks_differing WHERE present") > MAX_ROWS:
            return
        for number, topic in enumerate(self._topics):
            suspects = self._select_suspects(number)
            if suspects:
                self._create_values(topic)
                self._store(
                    number, list(_matches(topic, self._database.pipeline.checks[topic], suspects, self._values()))
                )

    def _select_suspects(self, number: int) -> list[_Suspect]:
        connection = self._database.connection
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE checks_suspects AS SELECT key, expected, message_key FROM checks_differing "
            f"WHERE topic = {number} AND present AND NOT arrived"
        )
        return [_Suspect(*row) for row in connection.execute("SELECT * FROM checks_suspects").fetchall()]

    def _create_values(self, topic: str) -> None:
        """Create the values of the suspects from the mark on; a row that did not exist at the mark begins without."""
        execute = self._database.connection.execute
        valid = "CASE WHEN json_valid(TRY(decode(message_value))) THEN TRY(decode(message_value)) END"
        key = key_expression(self._database.pipeline.checks[topic].key, valid)
        records = (
            f"SELECT log.*, {key} AS key, source_offset >= coalesce(next_offset, 0) AS is_recent "
            f"FROM {log_of(topic)} AS log "
            f"LEFT JOIN (SELECT * FROM checks_marks WHERE topic = {literal(topic)}) AS marks USING (source_partition) "
            f"ANTI JOIN ({self._database.quarantined_positions(topic)}) AS quarantined "
            "USING (source_partition, source_offset)"
        )
        execute(f"CREATE OR REPLACE TEMP TABLE checks_recent AS SELECT * FROM ({records}) WHERE is_recent")
        # A deleted row has its key only in the record before.
        execute(
            "CREATE OR REPLACE TEMP TABLE checks_keys AS "
            "SELECT message_key FROM checks_suspects WHERE message_key IS NOT NULL "
            "UNION SELECT message_key FROM checks_recent SEMI JOIN checks_suspects USING (key) "
            "UNION SELECT message_key FROM checks_recent WHERE message_value IS NULL"
        )
        execute(
            "CREATE OR REPLACE TEMP TABLE checks_before AS "
            f"SELECT * FROM ({records}) SEMI JOIN checks_keys USING (message_key) WHERE NOT is_recent "
            "QUALIFY row_number() OVER "
            "(PARTITION BY message_key ORDER BY source_timestamp DESC, source_partition, source_offset DESC) = 1"
        )

    def _values(self) -> Iterator[_Value]:
        columns = "message_key, message_value, key, is_recent"
        result = self._database.connection.execute(
            f"SELECT {columns} FROM (SELECT {columns}, source_partition, source_offset FROM checks_recent "
            "SEMI JOIN checks_keys USING (message_key) UNION ALL "
            "SELECT message_key, message_value, key, false, -1, -1 FROM checks_keys "
            "LEFT JOIN checks_before USING (message_key)) "
            "ORDER BY message_key, is_recent, source_partition, source_offset"
        )
        while rows := result.fetchmany(_FETCHED):
            yield from (_Value(*row) for row in rows)

    def _store(self, number: int, matches: list[tuple[str, bool, bool, int]]) -> None:
        connection = self._database.connection
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE checks_matches "
            "(key VARCHAR, matched BOOLEAN, arrived BOOLEAN, changes BIGINT)"
        )
        with connection.appender("checks_matches") as appender:
            appender.append_rows(matches)
        connection.execute(
            "UPDATE checks_differing AS differing SET matched = found.matched, arrived = found.arrived, "
            f"changes = found.changes FROM checks_matches AS found WHERE topic = {number} AND differing.key = found.key"
        )


def _matches(
    topic: str, check: Check, suspects: list[_Suspect], values: Iterator[_Value]
) -> Iterator[tuple[str, bool, bool, int]]:
    """Yield for each suspect with values: its key, whether it had, and has, its expected value, and its changes."""
    expected = {suspect.key: suspect.expected for suspect in suspects}
    keys = {suspect.message_key: suspect.key for suspect in suspects if suspect.message_key is not None}
    for message_key, group in groupby(values, itemgetter(0)):
        history = list(group)
        key = next((value.key for value in history if value.key is not None), keys.get(message_key))
        if key not in expected:
            continue
        equal = [_is_equal(topic, check, expected[key], value) for value in history]
        yield key, any(equal), equal[-1], sum(value.is_recent for value in history)


def _is_equal(topic: str, check: Check, expected: str | None, value: _Value) -> bool:
    if expected is None or value.message_value is None:
        return expected is None and value.message_value is None
    if expected.encode() == value.message_value:
        return True
    try:
        return is_same(check, json.loads(expected), decode_value(topic, value.message_key, value.message_value))
    except CheckFailedError:
        return False  # not a row; only a current value must be one
