"""Reading topics on into a `TopicDatabase`: from where the last check ended, if that is still the same topic."""

# ruff: noqa: S608 -- names cannot be statement parameters; these come from the pipeline definition, and are quoted

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.checks.topic_database import TopicDatabase, log_of
from infra.kafka.bulk import Partition, TopicSource, TopicState
from infra.pipeline.naming import TASK_LOGGER
from infra.progress import Progress

# Kafka deletes a tombstone this long after it was written. Whoever has not read it by then never sees the deletion.
DELETE_RETENTION_MS = 24 * 3_600_000
# A part of that time is left for the reading itself, and for clocks that differ.
SAFETY = 0.5
# A log of a compacted topic is pruned if this many records more than twice its current rows have been read.
PRUNE_RECORDS = 200_000
# A topic without new records is not marked as read again at each look.
COMPLETE_SECONDS = 60
log = logging.getLogger(TASK_LOGGER)


@dataclass(frozen=True)
class _Known:
    """What the database remembers of a topic: `read_at` is the time of the last complete reading, or of the first."""

    topic_id: str
    complete: bool
    read_at: float
    pruned_quarantined: int | None
    positions: Mapping[int, int]


class TopicLog:
    """The logs of some topics of a database, which `refresh` reads on."""

    def __init__(self, database: TopicDatabase, source: TopicSource, topics: Iterable[str]) -> None:
        self._database = database
        self._source = source
        quarantine = database.pipeline.quarantine
        # The quarantine first: it determines which of the records that follow do not count.
        self._topics = list(dict.fromkeys([*([quarantine] if quarantine else []), *topics]))
        self._beginnings: dict[Partition, int] = {}
        self.ends: dict[Partition, int] = {}

    def end_offsets(self) -> dict[Partition, int]:
        """Return the current end offsets; CheckFailedError if a topic does not exist."""
        return _ends(self._source.states(self._topics))

    def refresh(self, now: float | None = None) -> int:
        """Read the new records and return their number; CheckFailedError if a topic does not exist.

        `now` is the time of the clock, in seconds since the epoch.
        """
        at = time.time() if now is None else now
        states = self._source.states(self._topics)
        before = {topic: self._prepared(topic, state, at) for topic, state in states.items()}
        count, gaps = self._read(states)
        expired = [topic for topic in gaps if self._is_compacted(topic) and self._is_stale(topic, before[topic], at)]
        for topic in expired:
            self._forget(topic, states[topic], at, "its tombstones may have expired since the last check")
        if expired:
            count += self._read({topic: states[topic] for topic in expired})[0]
        self._database.connection.execute(
            "UPDATE platform.topics SET complete = true, read_at = $at "
            f"WHERE list_contains($topics, topic) AND NOT (complete AND read_at > $at - {COMPLETE_SECONDS})",
            {"at": at, "topics": self._topics},
        )
        self.ends = _ends(states)
        return count

    def prune(self) -> None:
        """Delete superseded records of compacted topics whose logs have grown far beyond their current rows."""
        for topic in filter(self._is_compacted, self._database.pipeline.checks):
            logged = self._database.number(f"SELECT count(*) FROM {log_of(topic)}")
            current = self._database.number(f"SELECT count(*) FROM {self._database.current(topic)}")
            if logged > 2 * current + PRUNE_RECORDS:
                deleted = self._database.prune(topic)
                log.info("checks: %s: %d superseded records deleted from the file", topic, deleted)
                self._database.connection.execute(
                    "UPDATE platform.topics SET pruned_quarantined = ? WHERE topic = ?",
                    [self._database.quarantined(topic), topic],
                )

    def _prepared(self, topic: str, state: TopicState, at: float) -> _Known:
        """Bring the log in line with a topic that was recreated, emptied or truncated, and return what is known."""
        known = self._known(topic)
        if reason := self._reason_to_forget(topic, state, known, at):
            return self._forget(topic, state, at, reason)
        if known is None:
            return self._forget(topic, state, at, None)
        for number, beginning in state.beginnings.items():
            if self._beginnings.get((topic, number)) != beginning:
                self._delete_before(topic, number, beginning)
        return known

    def _reason_to_forget(self, topic: str, state: TopicState, known: _Known | None, at: float) -> str | None:
        """Return why the log of a topic cannot be continued."""
        if known is None:
            return None
        if known.topic_id != state.topic_id:
            return "it was recreated"
        if any(known.positions.get(number, 0) > end for number, end in state.ends.items()):
            return "it has lost records"
        if not known.complete and self._is_compacted(topic) and self._is_stale(topic, known, at):
            return "the last check was interrupted"
        if known.pruned_quarantined not in (None, self._database.quarantined(topic)):
            return "records of it were quarantined after the last check"
        return None

    def _delete_before(self, topic: str, number: int, beginning: int) -> None:
        """Delete records that are no longer in the topic, because it was emptied or because they have expired."""
        deleted = self._database.number(
            f"DELETE FROM {log_of(topic)} WHERE source_partition = {number} AND source_offset < {beginning}"
        )
        if deleted:
            self._database.changed(topic)
        self._beginnings[topic, number] = beginning

    def _read(self, states: Mapping[str, TopicState]) -> tuple[int, set[str]]:
        """Read topics to their ends; return the number of records, and the topics without some of their offsets."""
        starts: dict[Partition, int] = {}
        ends = _ends(states)
        for topic, state in states.items():
            known = self._known(topic)
            for number, beginning in state.beginnings.items():
                starts[topic, number] = max(known.positions.get(number, 0) if known else 0, beginning)
        unread = {partition: end - starts[partition] for partition, end in ends.items() if end > starts[partition]}
        if not unread:
            return 0, set()
        connection = self._database.connection
        connection.execute(
            "UPDATE platform.topics SET complete = false WHERE list_contains(?, topic)",
            [sorted({topic for topic, _ in unread})],
        )
        progress, count = Progress(log.info, "checks: reading topics", "records", sum(unread.values())), 0
        missing = dict.fromkeys(states, 0)
        for batch in self._source.batches(starts, ends):
            connection.begin()
            for topic, rows in batch.rows.items():
                self._database.append(topic, rows)
                missing[topic] -= len(rows)
            for partition, offset in batch.positions.items():
                missing[partition[0]] += offset - starts[partition]
                starts[partition] = offset
                self._set_position(partition, offset)
            connection.commit()
            count += batch.count
            progress.update(count)
        return count, {topic for topic, number in missing.items() if number > 0}

    def _known(self, topic: str) -> _Known | None:
        connection = self._database.connection
        row = self._database.row(
            "SELECT topic_id, complete, read_at, pruned_quarantined FROM platform.topics WHERE topic = ?", [topic]
        )
        positions = connection.execute(
            "SELECT number, next_offset FROM platform.positions WHERE topic = ?", [topic]
        ).fetchall()
        if row is None:
            return None
        topic_id, complete, read_at, pruned = row
        return _Known(topic_id, complete, read_at, pruned, dict(positions))

    def _forget(self, topic: str, state: TopicState, at: float, reason: str | None) -> _Known:
        """Empty the log of a topic, so that it is read from the beginning."""
        if reason:
            log.info("checks: %s is read from the beginning, because %s", topic, reason)
        connection = self._database.connection
        connection.begin()
        self._database.empty(topic)
        for table in ("topics", "positions"):
            connection.execute(f"DELETE FROM platform.{table} WHERE topic = ?", [topic])
        connection.execute("INSERT INTO platform.topics VALUES (?, ?, false, ?, NULL)", [topic, state.topic_id, at])
        connection.commit()
        return _Known(state.topic_id, complete=False, read_at=at, pruned_quarantined=None, positions={})

    def _set_position(self, partition: Partition, offset: int) -> None:
        connection = self._database.connection
        connection.execute("DELETE FROM platform.positions WHERE topic = ? AND number = ?", list(partition))
        connection.execute("INSERT INTO platform.positions VALUES (?, ?, ?)", [*partition, offset])

    def _is_compacted(self, topic: str) -> bool:
        definition = self._database.pipeline.topics.get(topic)
        return definition is not None and definition.cleanup_policy == "compact"

    def _is_stale(self, topic: str, known: _Known, at: float) -> bool:
        """Return whether Kafka may have deleted tombstones since the topic was last read."""
        retention = DELETE_RETENTION_MS
        if definition := self._database.pipeline.topics.get(topic):
            retention = int(definition.options().get("delete.retention.ms", retention))
        return at - known.read_at > retention / 1000 * SAFETY


def _ends(states: Mapping[str, TopicState]) -> dict[Partition, int]:
    return {(topic, number): end for topic, state in states.items() for number, end in state.ends.items()}
