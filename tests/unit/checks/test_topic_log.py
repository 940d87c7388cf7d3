"""Reading topics on from a file, and folding them: tombstones, quarantine, recreated and emptied topics."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.checks import topic_log
from infra.checks.topic_database import TopicDatabase, log_of
from infra.checks.topic_log import TopicLog
from infra.errors import CheckFailedError
from infra.pipeline import Pipeline
from infra.pipeline.naming import TASK_LOGGER
from tests.support.fake_topics import FakeTopics

PLAYERS, QUARANTINE = "games.players", "games.quarantine"
HOUR = 3600.0


@pytest.fixture
def topics() -> FakeTopics:
    return FakeTopics(PLAYERS, "games.totals", QUARANTINE, partitions=2)


@pytest.fixture
def refreshed(pipeline: Pipeline, topics: FakeTopics, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that reads the topics on in a new database over the same file, and returns the players."""

    def refresh(at: float = 0.0) -> dict[str, Any]:
        with TopicDatabase(pipeline, tmp_path / "checks") as database:
            count = TopicLog(database, topics, pipeline.checks).refresh(at)
            return {"read": count, "players": players(database)}

    return refresh


def players(database: TopicDatabase) -> dict[bytes | None, bytes]:
    return dict(database.connection.execute(f"SELECT * FROM {database.current(PLAYERS)}").fetchall())


def quarantine(topics: FakeTopics, offset: int, topic: str = PLAYERS, timestamp: str = "1970-01-01T00:00:00Z") -> None:
    position = {"source_topic": topic, "source_partition": 0, "source_offset": offset, "source_timestamp": timestamp}
    topics.send(QUARANTINE, None, {**position, "reason": "x"})


def test_last_record_of_a_key_counts_and_a_tombstone_deletes_it(
    topics: FakeTopics, refreshed: Callable[..., dict[str, Any]]
) -> None:
    for key, value in [(1, b"a"), (2, b"b"), (1, b"c"), (3, b"d"), (2, None)]:
        topics.send(PLAYERS, key, value)

    assert refreshed() == {"read": 5, "players": {b"1": b"c", b"3": b"d"}}


def test_quarantined_record_leaves_the_last_valid_one_in_force(
    topics: FakeTopics, refreshed: Callable[..., dict[str, Any]]
) -> None:
    topics.send(PLAYERS, 1, b"valid")
    invalid = topics.send(PLAYERS, 1, b"invalid")
    quarantine(topics, invalid, topic="games.other")
    assert refreshed()["players"] == {b"1": b"invalid"}

    quarantine(topics, invalid)
    topics.send(QUARANTINE, b"republished", {"partition": 0, "offset": 0})

    assert refreshed()["players"] == {b"1": b"valid"}


def test_quarantined_record_of_a_topic_that_was_recreated_does_not_excuse_a_new_one(
    topics: FakeTopics, refreshed: Callable[..., dict[str, Any]]
) -> None:
    quarantine(topics, topics.send(PLAYERS, 1, b"invalid", timestamp=1_500), timestamp="1970-01-01T00:00:01.500Z")
    assert refreshed()["players"] == {}

    topics.recreate(PLAYERS)
    topics.send(PLAYERS, 1, b"valid", timestamp=1_501)

    assert refreshed()["players"] == {b"1": b"valid"}


def test_next_check_reads_on(topics: FakeTopics, refreshed: Callable[..., dict[str, Any]]) -> None:
    for key in range(10):
        topics.send(PLAYERS, key, b"x", partition=key % 2)
    assert refreshed()["read"] == 10
    topics.send(PLAYERS, 0, None)

    found = refreshed()

    assert (found["read"], len(found["players"])) == (1, 9)
    assert topics.reads[-1] == {(PLAYERS, 0): 5}
    assert refreshed()["read"] == 0


def test_recreated_topic_is_read_from_the_beginning(
    topics: FakeTopics, refreshed: Callable[..., dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    topics.send(PLAYERS, 1, b"old")
    refreshed()
    topics.recreate(PLAYERS)
    topics.send(PLAYERS, 2, b"new")

    with caplog.at_level(logging.INFO, TASK_LOGGER):
        assert refreshed()["players"] == {b"2": b"new"}

    assert [record.getMessage() for record in caplog.records] == [
        "checks: games.players is read from the beginning, because it was recreated"
    ]


def test_topic_with_fewer_records_than_read_is_read_from_the_beginning(
    topics: FakeTopics, refreshed: Callable[..., dict[str, Any]]
) -> None:
    topics.send(PLAYERS, 1, b"kept")
    topics.send(PLAYERS, 1, b"lost")
    refreshed()
    topics.remove(PLAYERS, [1])
    topics.ends[PLAYERS, 0] = 1

    assert refreshed()["players"] == {b"1": b"kept"}


def test_deleted_records_do_not_count(topics: FakeTopics, refreshed: Callable[..., dict[str, Any]]) -> None:
    """`start_from: scratch` may empty a topic."""
    for key in (1, 2, 3):
        topics.send(PLAYERS, key, b"x")
    refreshed()
    topics.send(PLAYERS, 4, b"never read")
    topics.delete_before(PLAYERS, 4)
    topics.send(PLAYERS, 5, b"y")

    assert refreshed() == {"read": 1, "players": {b"5": b"y"}}


@pytest.mark.parametrize(("hours", "read"), [(1, 0), (20, 1)])
def test_expired_tombstone_is_not_missed(
    topics: FakeTopics, refreshed: Callable[..., dict[str, Any]], hours: int, read: int
) -> None:
    """After a pause in which Kafka may have deleted a tombstone, missing offsets make the log worthless."""
    topics.send(PLAYERS, 1, b"x")
    topics.send(PLAYERS, 2, b"y")
    refreshed(at=0.0)
    tombstone = topics.send(PLAYERS, 1, None)
    topics.remove(PLAYERS, [0, tombstone])

    found = refreshed(at=hours * HOUR)

    assert found["read"] == read
    assert (b"1" in found["players"]) == (hours == 1)  # within the hour Kafka would not have deleted it


def test_log_without_missing_offsets_is_continued_after_a_long_pause(
    topics: FakeTopics, refreshed: Callable[..., dict[str, Any]]
) -> None:
    topics.send(PLAYERS, 1, b"x")
    refreshed(at=0.0)
    topics.send(PLAYERS, 2, b"y")

    assert refreshed(at=1000 * HOUR)["read"] == 1


def test_newest_record_counts_if_a_key_has_moved_to_a_new_partition(
    topics: FakeTopics, refreshed: Callable[..., dict[str, Any]]
) -> None:
    topics.send(PLAYERS, 1, b"new", partition=1, timestamp=20)
    topics.send(PLAYERS, 1, b"old", partition=0, timestamp=10)
    topics.send(PLAYERS, 2, b"old", partition=0, timestamp=10)
    topics.send(PLAYERS, 2, None, partition=1, timestamp=20)

    assert refreshed()["players"] == {b"1": b"new"}


@pytest.fixture
def pruned(
    pipeline: Pipeline, topics: FakeTopics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TopicDatabase, TopicLog]]:
    """A database whose log of the players has lost its superseded records."""
    monkeypatch.setattr(topic_log, "PRUNE_RECORDS", 0)
    for value in range(5):
        topics.send(PLAYERS, 1, {"score": value})
    with TopicDatabase(pipeline, tmp_path / "checks") as database:
        log = TopicLog(database, topics, pipeline.checks)
        log.refresh(0.0)
        log.prune()
        yield database, log


def test_superseded_records_are_pruned(pruned: tuple[TopicDatabase, TopicLog]) -> None:
    database, log = pruned

    assert database.number(f"SELECT count(*) FROM {log_of(PLAYERS)}") == 1
    assert players(database) == {b"1": b'{"score": 4}'}
    assert log.refresh(1.0) == 0


def test_pruned_topic_is_read_again_if_a_record_of_it_is_quarantined(
    topics: FakeTopics, pruned: tuple[TopicDatabase, TopicLog]
) -> None:
    database, log = pruned
    quarantine(topics, 4)

    # The quarantine is known only when it has been read, so the next look reads the topic again.
    log.refresh(1.0)
    log.refresh(2.0)

    assert players(database) == {b"1": b'{"score": 3}'}


def test_missing_topic_is_not_an_empty_one(pipeline: Pipeline) -> None:
    with (
        TopicDatabase(pipeline) as database,
        pytest.raises(CheckFailedError, match=r"^topic games\.totals does not exist"),
    ):
        TopicLog(database, FakeTopics(PLAYERS, QUARANTINE), pipeline.checks).refresh()
