"""Rows that change while they are checked: late, overtaken, too fast, and always wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.checks import history
from infra.checks.compare import Comparison
from infra.checks.differing import _PASSED, CONCLUSIVE_MISSES
from infra.checks.topic_database import TopicDatabase
from infra.pipeline import Pipeline
from tests.unit.checks.conftest import ONE_TOPIC

TOPIC = "games.players"
DEFINITION = ONE_TOPIC % "[id]"


class Stream:
    """A table of scores by id, and the topic that follows it."""

    def __init__(self, database: TopicDatabase) -> None:
        self.comparison = Comparison(database)
        self.differing = self.comparison.differing
        self._database = database
        self._offset = 0
        self._time = 0.0

    def write(self, player: int, *scores: float | None) -> None:
        """Write the scores of a player to the topic; None deletes the row."""
        for score in scores:
            value = None if score is None else json.dumps({"id": player, "score": score}).encode()
            self._database.append(TOPIC, [(0, self._offset, 0, b"%d" % player, value)])
            self._offset += 1

    def snapshot(self, scores: dict[int, float], *late: tuple[Any, ...], seconds: float = 1.0) -> list[int]:
        """Compare the topic with a snapshot, read the `late` records, and return the ids that are still waited for."""
        self.differing.mark({(TOPIC, 0): self._offset}, self._time)
        self._database.connection.execute("CREATE OR REPLACE TEMP TABLE players (id INTEGER, score DOUBLE)")
        if scores:
            self._database.connection.executemany("INSERT INTO players VALUES (?, ?)", list(scores.items()))
        for player, *values in late:
            self.write(player, *values)
        self._time += seconds
        self.comparison.compare(self._time)
        return self.wait()

    def wait(self) -> list[int]:
        """Look at the records, and return the ids that are still waited for."""
        self.differing.follow()
        rows = self._database.connection.execute(
            f"SELECT key FROM checks_differing WHERE present AND NOT {_PASSED} ORDER BY key"
        ).fetchall()
        return [json.loads(key)[0] for (key,) in rows]

    @property
    def wrong(self) -> list[Any]:
        return [difference.key[0] for difference in self.differing.never_agreed(self._time).first]


@pytest.fixture
def stream(make_pipeline: Callable[..., Pipeline]) -> Iterator[Stream]:
    with TopicDatabase(make_pipeline(DEFINITION, players_sql="SELECT * FROM players")) as database:
        yield Stream(database)


def test_late_row_proves_the_snapshot_when_it_arrives(stream: Stream) -> None:
    stream.write(1, 7)
    assert stream.snapshot({1: 8}) == [1]
    assert not stream.differing.is_proven

    stream.write(1, 8)

    assert stream.wait() == []
    assert stream.differing.is_proven


@pytest.mark.parametrize("value", [b'{"score": 8.0, "id": 1}', b'{"id":1,"score":8}'])
def test_texts_of_equal_values_may_differ(stream: Stream, value: bytes) -> None:
    stream.write(1, 7)
    stream.snapshot({1: 8})
    stream._database.append(TOPIC, [(0, 1, 0, b"1", value)])

    assert stream.wait() == []


def test_row_that_has_moved_on_is_proven_by_the_next_snapshot(stream: Stream) -> None:
    stream.write(1, 7)
    assert stream.snapshot({1: 7}, (1, 8)) == []
    assert not stream.differing.is_proven

    assert stream.snapshot({1: 8}, (1, 9)) == []
    assert stream.differing.is_proven


def test_row_that_equals_the_next_snapshot_is_proven(stream: Stream) -> None:
    stream.write(1, 7)
    stream.write(2, 7)
    assert stream.snapshot({1: 7, 2: 7}, (1, 8)) == []
    assert not stream.differing.is_proven

    assert stream.snapshot({1: 8, 2: 7}, (2, 8)) == []
    assert stream.differing.is_proven


def test_right_value_that_is_overwritten_by_a_wrong_one_is_not_proven(stream: Stream) -> None:
    stream.write(1, 7)
    assert stream.snapshot({1: 7}, (1, 5)) == []
    for _ in range(5):
        assert stream.snapshot({1: 7}) == [1]
        assert not stream.differing.is_proven

    assert stream.differing.settled(stream._time, 2).count == 1


def follow(stream: Stream, late: int | None = None, changes: int = 1) -> list[int]:
    """Take another snapshot: player 1 is always right, and player 2 has the value 0 `late` or is always wrong."""
    right = stream._offset
    wrong = [-right - number for number in range(1, changes + 1)]
    return stream.snapshot({1: right, 2: 0}, (1, right, right + 1), (2, *wrong, *([] if late is None else [late, -1])))


def test_row_that_changes_and_is_always_wrong_is_found(stream: Stream) -> None:
    for snapshot in range(1, CONCLUSIVE_MISSES + 1):
        assert stream.wrong == []
        assert follow(stream) == [2]
        assert not stream.differing.is_proven
        assert stream.differing.settled(stream._time, 0.5 + snapshot).count == 0

    assert stream.wrong == [2]


def test_right_value_by_chance_does_not_make_up_for_misses(stream: Stream) -> None:
    follow(stream)
    follow(stream)
    assert follow(stream, late=0) == []
    assert not stream.differing.is_proven

    for _ in range(CONCLUSIVE_MISSES):
        assert follow(stream) == [2]
        assert not stream.differing.is_proven
    assert stream.wrong == [2]


def test_row_that_equals_a_snapshot_by_chance_is_not_proven(stream: Stream) -> None:
    for _ in range(CONCLUSIVE_MISSES + 1):
        follow(stream)
    stream.write(2, 0)

    right = stream._offset
    stream.write(1, right)
    assert stream.snapshot({1: right, 2: 0}) == []
    assert not stream.differing.is_proven


@pytest.mark.parametrize(("changes", "needed"), [(1, 2), (5, 3), (11, 4)])
def test_row_with_more_values_needs_more_hits(stream: Stream, changes: int, needed: int) -> None:
    for hits in range(1, needed + 1):
        assert not stream.differing.is_proven
        assert follow(stream, late=0, changes=changes) == []
        assert stream.differing.is_proven == (hits == needed)


def test_misses_do_not_count_while_the_jobs_are_late(stream: Stream) -> None:
    stream.write(1, 0)
    stream.write(2, 0)
    for score in range(1, 10):
        assert stream.snapshot({1: score, 2: score}, (1, -score), (2, -score)) == [1, 2]

    assert stream.wrong == []


def test_row_that_changes_too_fast_is_not_accused(stream: Stream) -> None:
    for _ in range(2 * CONCLUSIVE_MISSES):
        assert follow(stream, changes=30) == [2]

    assert stream.wrong == []
    assert not stream.differing.is_proven


def test_toggling_row_is_not_settled(stream: Stream) -> None:
    stream.write(1, 0)
    for _ in range(5):
        stream.snapshot({1: 0}, (1, 1, 0, 1), seconds=10)

    assert stream.differing.settled(stream._time, 15).count == 0
    assert stream.wrong == []


def test_deleted_and_new_rows_have_a_history(stream: Stream) -> None:
    stream.write(1, 7)
    assert stream.snapshot({1: 7}, (1, None), (2, 8)) == []
    assert not stream.differing.is_proven

    assert stream.snapshot({2: 8}) == []
    assert stream.differing.is_proven


def test_row_that_is_never_deleted_is_found(stream: Stream) -> None:
    stream.write(1, 7)
    for score in range(CONCLUSIVE_MISSES):
        assert stream.snapshot({2: score}, (1, score), (2, score, -1)) == [1]

    assert stream.wrong == [1]


def test_quarantined_value_does_not_count(make_pipeline: Callable[..., Pipeline]) -> None:
    definition = DEFINITION.replace("jobs:", "quarantine: games.quarantine\njobs:").replace(
        "compact}}", "compact}, games.quarantine: {partitions: 1, cleanup_policy: delete}}"
    )
    with TopicDatabase(make_pipeline(definition, players_sql="SELECT * FROM players")) as database:
        stream = Stream(database)
        stream.write(1, 7)
        entry = {"source_topic": TOPIC, "source_partition": 0, "source_offset": 1}
        entry |= {"source_timestamp": "1970-01-01T00:00:00Z", "reason": "invalid"}
        database.append("games.quarantine", [(0, 0, 0, None, json.dumps(entry).encode())])

        assert stream.snapshot({1: 8}, (1, 8)) == [1]


def test_history_of_very_many_rows_is_not_read(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_ROWS", 1)
    stream.write(1, 7)
    stream.write(2, 7)

    assert stream.snapshot({1: 8, 2: 8}, (1, 8, 9), (2, 8, 9)) == [1, 2]
