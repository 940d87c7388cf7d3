"""Comparison of the current rows of the topics with the expected rows, in the database.

Almost all rows have the same text in both, so checksums by bucket, and a join of the texts in buckets that differ,
leave only those that may differ. Their values are compared as Python compares them: `1.0` and `1`, or another order of
the fields, are equal.
"""

# ruff: noqa: S608 -- names cannot be statement parameters; these come from the pipeline definition, and are quoted

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any

from infra.checks.differing import Differences, DifferingRows, Key, shown_row
from infra.checks.expected import create_expected, expected_of, has_duplicates, is_same
from infra.checks.topic_database import TopicDatabase, json_path, key_expression, log_of
from infra.errors import CheckFailedError
from infra.kafka.reader import decode_value
from infra.pipeline.naming import TASK_LOGGER
from infra.progress import Progress

log = logging.getLogger(TASK_LOGGER)
Table = dict[Key, dict[str, Any]]
CHUNK_ROWS = 10_000
BUCKETS = 4096
_FOUND = "TRY(decode(message_value))"


class Comparison:
    """Repeated comparison of all checked topics; `differing` remembers the rows that differ."""

    def __init__(self, database: TopicDatabase) -> None:
        self.database = database
        self._topics = list(database.pipeline.checks)
        # The columns with which the expected rows of a topic were created, if they were created ahead.
        self._ahead: dict[str, list[str] | None] = {}
        self.rows: dict[str, int] = {}
        """The number of expected rows of each topic."""
        self.differing = DifferingRows(database)

    def recompute(self) -> None:
        """Create the expected rows of all topics ahead of the next comparison, while the jobs still catch up."""
        progress = Progress(log.info, "checks: recomputing", "topics")
        for number, topic in enumerate(self._topics, start=1):
            self._ahead[topic] = _sample_columns(self.database, log_of(topic))
            create_expected(self.database, topic, self._ahead[topic])
            progress.update(number)

    def compare(self, now: float) -> Differences:
        """Compare the topics with the source as it was at the time `now` (seconds), and return what differs.

        CheckFailedError if a value of a topic is not a row, or if two have the same key. DefinitionError if a check
        contradicts its key.
        """
        self.differing.clear()
        progress = Progress(log.info, "checks: comparing")
        for number, topic in enumerate(self._topics):
            self._compare_topic(number, topic)
            progress.update(sum(self.rows[each] for each in self._topics[: number + 1]))
        return self.differing.update(now)

    def _compare_topic(self, number: int, topic: str) -> None:
        database, check = self.database, self.database.pipeline.checks[topic]
        current = database.current(topic)
        order = _sample_columns(database, current)
        if topic not in self._ahead or self._ahead[topic] != order:
            create_expected(database, topic, order)
        self._ahead.pop(topic, None)
        expected = expected_of(topic)
        self.rows[topic] = database.number(f"SELECT count(*) FROM {expected}")
        if not self._differing_buckets(expected, current):
            return
        execute = database.connection.execute
        execute(
            "CREATE OR REPLACE TEMP TABLE checks_found AS WITH suspects AS ("
            f"SELECT message_key, message_value, {_FOUND} AS value FROM {current} WHERE {_in_bucket(_FOUND)}) "
            f"SELECT * FROM suspects ANTI JOIN (SELECT value FROM {expected} WHERE {_in_bucket('value')}) AS expected "
            "USING (value)"
        )
        execute(
            "CREATE OR REPLACE TEMP TABLE checks_expected AS WITH suspects AS ("
            f"SELECT key, value FROM {expected} WHERE {_in_bucket('value')}) SELECT * FROM suspects "
            f"ANTI JOIN (SELECT {_FOUND} AS value FROM {current} WHERE {_in_bucket(_FOUND)}) AS current USING (value)"
        )
        self._check_values(topic, check.key)
        keys = key_expression(check.key, "value")
        if has_duplicates(database, f"SELECT {keys} AS key FROM (SELECT {_FOUND} AS value FROM {current})"):
            raise _same_key(topic, check.key)
        execute(
            "CREATE OR REPLACE TEMP TABLE checks_pairs AS SELECT row_number() OVER () AS number, * FROM ("
            "SELECT coalesce(expected.key, found.key) AS key, expected.value AS expected, found.value AS found, "
            "message_key, message_value FROM checks_expected AS expected "
            f"FULL JOIN (SELECT {keys} AS key, * FROM checks_found) AS found "
            "ON expected.key = found.key)"
        )
        self._delete_equal(topic)
        execute(
            "INSERT INTO checks_compared SELECT ?, key, expected, found, message_key, message_value FROM checks_pairs",
            [number],
        )

    def _differing_buckets(self, expected: str, current: str) -> int:
        """Create the table of the buckets of rows whose checksums differ, and return their number.

        A checksum is the sum of the hashes of the rows. A join of all rows would need several times the memory.
        """
        checksums = (
            f"SELECT hash({{value}}) % {BUCKETS} AS bucket, sum(CAST(hash({{value}}) AS HUGEINT)) AS checksum "
            "FROM {table} GROUP BY bucket"
        )
        self.database.connection.execute(
            "CREATE OR REPLACE TEMP TABLE checks_buckets AS SELECT bucket "
            f"FROM ({checksums.format(value='value', table=expected)}) AS expected "
            f"FULL JOIN ({checksums.format(value=_FOUND, table=current)}) AS found USING (bucket) "
            "WHERE expected.checksum IS DISTINCT FROM found.checksum"
        )
        return self.database.number("SELECT count(*) FROM checks_buckets")

    def _check_values(self, topic: str, key: tuple[str, ...]) -> None:
        """Raise CheckFailedError on the first value that is not a row with all key columns."""
        # CASE, because json_type fails on text that is not JSON.
        is_row = "CASE WHEN value IS NULL OR NOT json_valid(value) THEN false ELSE json_type(value) = 'OBJECT' END"
        missing = " OR ".join(f"NOT json_exists(value, {json_path(name)})" for name in key)
        for condition in (f"NOT {is_row}", missing):
            if row := self.database.row(
                f"SELECT message_key, message_value FROM checks_found WHERE {condition} LIMIT 1"
            ):
                found_table(topic, [decode_value(topic, *row)], key)
                # Python accepts half of a surrogate pair.
                raise CheckFailedError(
                    f"topic {topic}: the value of key {row[0]!r} is not strict JSON: {row[1]!r}. "
                    "Write text that is valid Unicode."
                )

    def _delete_equal(self, topic: str) -> None:
        """Delete the pairs whose values are equal although their texts differ."""
        connection, check = self.database.connection, self.database.pipeline.checks[topic]
        total = self.database.number("SELECT count(*) FROM checks_pairs")
        both = self.database.number(
            "SELECT count(*) FROM checks_pairs WHERE expected IS NOT NULL AND found IS NOT NULL"
        )
        if not both:
            return
        connection.execute("CREATE OR REPLACE TEMP TABLE checks_equal (number BIGINT)")
        for first in range(1, total + 1, CHUNK_ROWS):
            rows = connection.execute(
                "SELECT number, expected, message_key, message_value FROM checks_pairs WHERE number BETWEEN ? AND ? "
                "AND expected IS NOT NULL AND found IS NOT NULL",
                [first, first + CHUNK_ROWS - 1],
            ).fetchall()
            equal = [
                (number,)
                for number, text, *record in rows
                if is_same(check, json.loads(text), decode_value(topic, *record))
            ]
            with connection.appender("checks_equal") as appender:
                appender.append_rows(equal)
        connection.execute("DELETE FROM checks_pairs WHERE number IN (SELECT number FROM checks_equal)")


def _sample_columns(database: TopicDatabase, table: str) -> list[str] | None:
    """Return the fields of a value in their order."""
    keys = "json_keys(TRY_CAST(TRY(decode(message_value)) AS JSON))"
    row = database.row(f"SELECT {keys} FROM {table} WHERE message_value IS NOT NULL LIMIT 1")
    return row[0] if row else None


def _in_bucket(value: str) -> str:
    return f"hash({value}) % {BUCKETS} IN (SELECT bucket FROM checks_buckets)"


def found_table(topic: str, values: Iterable[dict[str, Any]], key: tuple[str, ...]) -> Table:
    """Return the values of a topic by their key columns.

    CheckFailedError if a value does not have a key column, or if two records have the same values in these columns.
    """
    table: Table = {}
    for value in values:
        missing = [column for column in key if column not in value]
        if missing:
            raise CheckFailedError(
                f"topic {topic}: the value {shown_row(value)} does not have {', '.join(missing)}. Expected every key "
                "column of the check. Fix the job, or the key of the check."
            )
        found = tuple(value[column] for column in key)
        if found in table:
            raise _same_key(topic, key)
        table[found] = value
    return table


def by_type(key: Key) -> list[tuple[str, Any]]:
    """Return a sort key that orders numbers as numbers, for keys whose parts may be None or of different types."""
    return [(type(part).__name__, part) for part in key]


def _same_key(topic: str, key: tuple[str, ...]) -> CheckFailedError:
    return CheckFailedError(
        f"topic {topic}: several records have the same {', '.join(key)}. Fix the job, or the key of the check."
    )
