"""The rows that differ between topics and recomputation, remembered from one snapshot of the source to the next.

While rows change, some of them always differ, because the topics are read a moment after the source. If such a row had
the value of the snapshot at some time (`RowHistory`), that is a hit, or else a miss. A wrong row can have that value by
chance, the more often the more values it has. So a row that differed before must have more hits than misses, by more
the faster it changes; two hits more if it equals a later snapshot. Misses count only if the jobs have passed the
snapshot, as another row shows.
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
# A row with this many misses, and hardly any hits, is wrong and not only late.
CONCLUSIVE_MISSES = 3
# Beyond this, many values of a right row are never written, so its misses prove nothing.
MAX_CHANGES_PER_SECOND = 25
# How many more hits than misses a row needs: one more beyond each of these numbers of changes since the mark.
_NEEDED_HITS = "2 + CAST(changes > 3 AS INTEGER) + CAST(changes > 10 AS INTEGER)"
_MOST_NEEDED_HITS = 4
_PASSED = "(arrived OR matched)"
_SCORE = f"(hits - misses + CASE WHEN NOT present THEN 0 WHEN {_PASSED} THEN 1 ELSE -1 END)"

_COMPARED = "topic INTEGER, key VARCHAR, expected VARCHAR, found VARCHAR, message_key BLOB, message_value BLOB"
# present: the row differs from the last snapshot. since: when it first did with this expected value (seconds).
# matched: it has had this value. arrived: it has it by now. changes: its records since the mark. hits and misses: those
# at earlier snapshots. first_seen: the number of the first snapshot from which it differed.
_STATE = (
    "present BOOLEAN, since DOUBLE, matched BOOLEAN, arrived BOOLEAN, changes BIGINT, hits INTEGER, misses INTEGER, "
    "first_seen INTEGER"
)


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
        """Whether all rows agree with the snapshots, as far as that can be seen while they change."""
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
        were_passed = self._number(f"present AND {_PASSED}") > 0
        self._database.connection.execute(
            "CREATE OR REPLACE TEMP TABLE checks_differing AS SELECT * FROM ("
            "SELECT topic, key, compared.expected, compared.found, compared.message_key, compared.message_value, "
            "coalesce(differs, false) AS present, "
            # A row that had this value in between did not differ all the time.
            f"CASE WHEN before.present AND before.expected IS NOT DISTINCT FROM compared.expected AND NOT {_PASSED} "
            "THEN before.since ELSE $now END AS since, false AS matched, false AS arrived, "
            "CASE WHEN differs THEN 0 ELSE before.changes END AS changes, "
            f"coalesce(before.hits + CAST(before.present AND {_PASSED} AS INTEGER), 0) "
            "+ CASE WHEN differs THEN 0 ELSE 2 END AS hits, "
            f"coalesce(before.misses + CAST(before.present AND NOT {_PASSED} AND $were_passed AS INTEGER), 0) "
            "AS misses, "
            "coalesce(before.first_seen, $snapshots) AS first_seen "
            "FROM (SELECT *, true AS differs FROM checks_compared) AS compared "
            "FULL JOIN checks_differing AS before USING (topic, key)"
            f") WHERE present OR hits - misses < {_MOST_NEEDED_HITS}",
            {"now": now, "snapshots": self._snapshots, "were_passed": were_passed},
        )
        # A row that was wrong again and again can equal a snapshot by chance.
        doubtful = f"present OR misses >= {CONCLUSIVE_MISSES} AND {_SCORE} < {_NEEDED_HITS}"
        self.is_proven = not self._number(doubtful)
        return self._select("present")

    def follow(self) -> int:
        """Look at the records that have arrived, and return how many rows still miss the snapshot."""
        self._history.match()
        # While only one snapshot is known, a right value can have been overwritten by a wrong one.
        seen = _PASSED if self._snapshots > 1 else "arrived"
        is_new = f"present AND first_seen = {self._snapshots}"
        proven = f"CASE WHEN {is_new} THEN {seen} ELSE {_SCORE} >= {_NEEDED_HITS} END"
        self.is_proven = not self._number(f"NOT ({proven})")
        return self._number(f"present AND NOT {_PASSED}")

    def settled(self, now: float, seconds: float) -> Differences:
        """Return what has differed for `seconds` with the same expected value, without having it since the mark."""
        return self._select(f"present AND since <= $until AND NOT {_PASSED}", {"until": now - seconds})

    def never_agreed(self, now: float) -> Differences:
        """Return what missed several snapshots that the jobs have passed, unless it changes fast."""
        is_passed = self._number(f"present AND {_PASSED}") > 0
        misses = f"(misses + CAST({is_passed} AS INTEGER))"
        many = MAX_CHANGES_PER_SECOND * max(1.0, now - self._marked)
        return self._select(
            f"present AND NOT {_PASSED} AND changes <= {many!r} "
            f"AND {misses} >= {CONCLUSIVE_MISSES} AND {misses} > 2 * hits"
        )

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
