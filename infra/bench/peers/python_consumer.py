"""A hand-written consumer: one process, dictionaries in memory, orjson, and librdkafka in batches.

It reads a batch, applies it, and writes each result that the batch has changed once. It is the best that one thread of
Python does with this work: no recovery, no state on disk, and no second core.
"""

from __future__ import annotations

import base64
import heapq
from bisect import insort
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from infra.bench.peers.contract import (
    PRODUCER,
    InvalidRecordError,
    Leader,
    Output,
    Row,
    Statistics,
    athlete,
    best_nationality,
    by_average,
    by_rank,
    dumps,
    duplicate,
    nationality_stats,
    read_arguments,
    read_record,
    report_ready,
    top_athlete,
)

BATCH = 20_000


class Nation:
    """The athletes of a nationality: number, sum, and a heap of the best in which outdated entries stay until seen."""

    __slots__ = ("athletes", "heap", "total")

    def __init__(self) -> None:
        self.athletes = 0
        self.total = 0
        self.heap: list[tuple[int, int]] = []


class Results:
    """The state of all results, and what has changed since the last `take_changes`."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.ids: dict[str, list[int]] = {}  # of each name, ascending: the first one counts
        self.nations: dict[str, Nation] = {}
        self.statistics: dict[str, Statistics] = {}
        self._names: set[str] = set()
        self._ids: set[int] = set()
        self._changed: set[str] = set()
        self._best: Statistics | None = None
        self._top: list[Leader] = []

    def apply(self, number: int, row: Row | None) -> None:
        """Replace the row of an id, or delete it."""
        old = self.rows.get(number)
        if row == old:
            return
        if old is not None:
            self._leave(number, old)
            del self.rows[number]
        if row is not None:
            self.rows[number] = row
            self._join(number, row)

    def take_changes(self) -> Iterator[Output]:
        """Yield a record for each result that has changed."""
        for name in self._names:
            ids = self.ids.get(name)
            yield athlete(name, ids[0], self.rows[ids[0]]) if ids else athlete(name, 0, None)
        for number in self._ids:
            row = self.rows.get(number)
            first = self.ids[row.name][0] if row else number
            yield duplicate(number, row if first != number else None, first)
        for nationality in self._changed:
            found = self._statistics_of(nationality)
            if found is None:
                self.statistics.pop(nationality, None)
            else:
                self.statistics[nationality] = found
            yield nationality_stats(nationality, found)
        if self._changed:
            yield from self._rankings()
        self._names, self._ids, self._changed = set(), set(), set()

    def _rankings(self) -> Iterator[Output]:
        best = min(self.statistics.values(), key=by_average, default=None)
        if best != self._best:
            yield best_nationality(best)
        leaders = (leader for found in self.statistics.values() for leader in found.leaders)
        top = heapq.nsmallest(3, leaders, key=by_rank)
        for rank in range(3):
            before, now = (found[rank] if rank < len(found) else None for found in (self._top, top))
            if before != now:
                yield top_athlete(rank + 1, now)
        self._best, self._top = best, top

    def _join(self, number: int, row: Row) -> None:
        ids = self.ids.get(row.name)
        if ids is None:
            self.ids[row.name] = [number]
            self._add(number, row)
            return
        if number < ids[0]:
            self._remove(self.rows[ids[0]])
            self._add(number, row)
            self._ids.update(ids)
        self._ids.add(number)
        insort(ids, number)

    def _leave(self, number: int, row: Row) -> None:
        ids = self.ids[row.name]
        if len(ids) == 1:
            del self.ids[row.name]
            self._remove(row)
            return
        self._ids.add(number)
        if ids[0] == number:
            self._remove(row)
            self._add(ids[1], self.rows[ids[1]])
            self._ids.update(ids)
        ids.remove(number)

    def _add(self, number: int, row: Row) -> None:
        nation = self.nations.get(row.nationality)
        if nation is None:
            nation = self.nations[row.nationality] = Nation()
        nation.athletes += 1
        nation.total += row.score
        self._names.add(row.name)
        heapq.heappush(nation.heap, (-row.score, number))
        self._changed.add(row.nationality)

    def _remove(self, row: Row) -> None:
        nation = self.nations[row.nationality]
        nation.athletes -= 1
        nation.total -= row.score
        self._names.add(row.name)
        self._changed.add(row.nationality)

    def _statistics_of(self, nationality: str) -> Statistics | None:
        nation = self.nations[nationality]
        if not nation.athletes:
            del self.nations[nationality]
            return None
        if len(nation.heap) > 4 * nation.athletes + 100:
            nation.heap = sorted({entry for entry in nation.heap if self._counts(nationality, *entry)})
        leaders: list[tuple[int, int]] = []
        while nation.heap and len(leaders) < 3:
            entry = heapq.heappop(nation.heap)
            if self._counts(nationality, *entry) and entry not in leaders:
                leaders.append(entry)
        for entry in leaders:
            heapq.heappush(nation.heap, entry)
        best = tuple(Leader(-score, number, self.rows[number].name, nationality) for score, number in leaders)
        return Statistics(nationality, nation.athletes, nation.total, best)

    def _counts(self, nationality: str, negative_score: int, number: int) -> bool:
        """Return whether an entry of a heap is still the row of an athlete."""
        row = self.rows.get(number)
        if row is None or row.nationality != nationality or row.score != -negative_score:
            return False
        return self.ids[row.name][0] == number


def main() -> None:
    """Read, apply and write until the process is stopped."""
    options = read_arguments()
    producer = Producer({"bootstrap.servers": options.servers, **PRODUCER})
    consumer = Consumer(
        {"bootstrap.servers": options.servers, "group.id": options.results, "enable.auto.commit": False}
    )
    partitions = consumer.list_topics(options.source, timeout=30).topics[options.source].partitions
    report_ready()
    consumer.assign([TopicPartition(options.source, number, 0) for number in partitions])
    results = Results()
    while True:
        for message in consumer.consume(BATCH, timeout=0.05):
            if message.error():
                raise KafkaException(message.error())
            try:
                results.apply(*read_record(message.key(), message.value()))
            except InvalidRecordError as error:
                _send(producer, f"{options.results}.quarantine", *_quarantined(message, str(error)))
        for output, key, value in results.take_changes():
            _send(producer, f"{options.results}.{output}", key, value)
        producer.poll(0)


def _quarantined(message: Message, reason: str) -> tuple[None, bytes]:
    key, value = (base64.b64encode(part).decode() if part else None for part in (message.key(), message.value()))
    origin = {"source_partition": message.partition(), "source_offset": message.offset()}
    return None, dumps({**origin, "reason": reason, "message_key": key, "message_value": value})


def _send(producer: Producer, topic: str, key: bytes | None, value: bytes | None) -> None:
    while True:
        try:
            producer.produce(topic, key=key, value=value)
            return
        except BufferError:
            producer.poll(0.1)


if __name__ == "__main__":
    main()
