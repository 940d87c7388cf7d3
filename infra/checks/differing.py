"""The rows that differ between topics and recomputation, remembered from one snapshot of the source to the next.

While rows change, some of them always differ, because the topics are read a moment after the source. A snapshot is
proven if each row either agrees, or has had the value of the snapshot (`RowHistory`) and its source has changed since,
which the next snapshot shows. A row that changes faster than once a second may miss a snapshot, because not every value
of it is written. It must have agreed with another one.
"""

# ruff: noqa: S608 -- names cannot be statement parameters; these are constants

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.checks.history import RowHistory
from infra.checks.topic_database import TopicDatabase
from infra.kafka.bulk import Partition
from infra.kafka.reader import decode_value

Key = tuple[Any, ...]
SHOWN_DIFFERENCES = 5
# A row that differs from this many snapshots, and never had the value of one, is wrong and not only late.
CONCLUSIVE_SNAPSHOTS = 3
# Beyond this, a row may never have the value of a given moment.
FAST_CHANGES_PER_SECOND = 1.0

_COMPARED = "topic INTEGER, key VARCHAR, expected VARCHAR, found VARCHAR, message_key BLOB, message_value BLOB"
# since: when the row first differed with this expected value (seconds). matched: it has had this value. arrived: it has
# it by now. changes: its records since the mark. agreed: with an earlier snapshot. missed: snapshots since.
_STATE = "since DOUBLE, matched BOOLEAN, arrived BOOLEAN, changes BIGINT, agreed BOOLEAN, missed INTEGER"


@dataclass(frozen=True)
class Difference:
    """A row that differs; None stands for a missing row."""

    topic: str
    key: Key
    expected: dict[str, Any] | None
    found: dict[str, Any] | None

    def __str__(self) -> str:
        key = ", ".join(map(repr, self.key))
        return f"{self.topic} [{key}]: expected {shown_row(self.expected)}, found {shown_row(self.found)}"


@dataclass(frozen=True)
class Differences:
    """The number of rows that differ, and the first of them by topic and key."""

    count: int
    first: list[Difference]


class DifferingRows:
    """The rows that differ from the last snapshot; a comparison puts them into `checks_compared`."""

    def __init__(self, database: TopicDatabase) -> None:
        self._database = database
        self._topics = list(database.pipeline.checks)
        self._history = RowHistory(database)
        self._history.mark({})
        self._marked = 0.0
        self._snapshots = 0
        self.is_proven = False
        """Whether the last snapshot, or the one before it, is proven."""
        database.connection.execute(f"CREATE TEMP TABLE checks_differing ({_COMPARED}, {_STATE})")
        self.clear()

    def clear(self) -> None:
        """Empty `checks_compared` for a new comparison."""
        self._database.connection.execute(f"CREATE OR REPLACE TEMP TABLE checks_compared ({_COMPARED})")

    def mark(self, ends: Mapping[Partition, int], now: float) -> None:
        """Note that a snapshot is about to be taken at the time `now` (seconds), with the topics at these offsets."""
        self._history.mark(ends)
        self._marked = now

    def update(self, now: float) -> Differences:
        """Take over what was compared with the snapshot, and return what differs."""
        self._snapshots += 1
        self.is_proven = self._snapshots > 1 and not self._unproven(now)
        self._database.connection.execute(
            "CREATE OR REPLACE TEMP TABLE checks_differing AS SELECT compared.*, "
            # A row that has had this value meanwhile has not differed all the time.
            "CASE WHEN before.expected IS NOT DISTINCT FROM compared.expected "
            "AND NOT (before.matched OR before.arrived) THEN before.since ELSE $now END AS since, "
            "false AS matched, false AS arrived, 0 AS changes, "
            # A row that is not among those before has agreed with the snapshot before.
            "coalesce(before.agreed OR before.arrived OR "
            "(before.matched AND before.expected IS DISTINCT FROM compared.expected), $snapshots > 1) AS agreed, "
            "CASE WHEN before.matched OR before.arrived THEN 1 ELSE coalesce(before.missed, 0) + 1 END AS missed "
            "FROM checks_compared AS compared LEFT JOIN checks_differing AS before "
            "ON before.topic = compared.topic AND before.key = compared.key",
            {"now": now, "snapshots": self._snapshots},
        )
        differing = self._select("true")
        self.is_proven = self.is_proven or not differing.count
        return differing

    def follow(self, now: float) -> int:
        """Look at the records that have arrived until `now`, and return how many rows have not yet had their value."""
        self._history.match()
        if not self._number("NOT arrived"):
            self.is_proven = True
        return self._number(f"NOT ({self._passed(now)})")

    def settled(self, now: float, seconds: float) -> Differences:
        """Return what has differed for `seconds` with the same expected value, and has not had it since the mark."""
        return self._select("since <= $until AND NOT (arrived OR matched)", {"until": now - seconds})

    def never_agreed(self, now: float) -> Differences:
        """Return what has not had the value of any of several snapshots, although the topics had time to show it."""
        return self._select(f"missed >= {CONCLUSIVE_SNAPSHOTS} AND NOT ({self._passed(now)})")

    def _unproven(self, now: float) -> int:
        """Return the number of rows for which the last snapshot is not proven by the one that was just compared."""
        unchanged = (
            "EXISTS (SELECT 1 FROM checks_compared AS compared WHERE compared.topic = checks_differing.topic "
            "AND compared.key = checks_differing.key "
            "AND compared.expected IS NOT DISTINCT FROM checks_differing.expected)"
        )
        return self._number(f"NOT ({self._passed(now)}) OR (NOT arrived AND {unchanged})")

    def _passed(self, now: float) -> str:
        """Return a condition: the row has had the value of the snapshot, or it changes too fast and had another's."""
        many = FAST_CHANGES_PER_SECOND * max(1.0, now - self._marked)
        return f"arrived OR matched OR (agreed AND changes > {many!r})"

    def _number(self, condition: str) -> int:
        return self._database.number(f"SELECT count(*) FROM checks_differing WHERE {condition}")

    def _select(self, condition: str, parameters: dict[str, float] | None = None) -> Differences:
        count = self._database.number(f"SELECT count(*) FROM checks_differing WHERE {condition}", parameters)
        if not count:
            return Differences(0, [])
        rows = self._database.connection.execute(
            f"SELECT topic, key, expected, message_key, message_value FROM checks_differing WHERE {condition} "
            f"ORDER BY topic, {_key_order(self._database)} LIMIT {SHOWN_DIFFERENCES}",
            parameters,
        ).fetchall()
        return Differences(count, [self._difference(*row) for row in rows])

    def _difference(
        self, number: int, key: str, expected: str | None, message_key: bytes | None, message_value: bytes | None
    ) -> Difference:
        topic = self._topics[number]
        return Difference(
            topic,
            tuple(json.loads(key)),
            json.loads(expected) if expected is not None else None,
            decode_value(topic, message_key, message_value) if message_value is not None else None,
        )


def shown_row(row: dict[str, Any] | None) -> str:
    """Return a row as it appears in a message."""
    if row is None:
        return "no row"
    # Half of a surrogate pair cannot be written to a log.
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def _key_order(database: TopicDatabase) -> str:
    """Return sort expressions for a key: numbers as numbers, text by code point."""
    longest = max(len(check.key) for check in database.pipeline.checks.values())
    order = []
    for part in range(longest):
        value = f"json_extract(key, '/{part}')"
        order.append(f"CASE WHEN json_type({value}) <> 'VARCHAR' THEN TRY_CAST({value} AS DOUBLE) END")
        order.append(f"json_extract_string(key, '/{part}')")
    return ", ".join(order)
