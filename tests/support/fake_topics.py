"""Topics in memory, in place of `infra.kafka.bulk.BulkReader`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra.errors import CheckFailedError
from infra.kafka.bulk import Batch, Partition, Row, TopicState

BATCH = 3


class FakeTopics:
    """Records by topic and partition; offsets are never used again, as in Kafka."""

    def __init__(self, *topics: str, partitions: int = 1) -> None:
        self.ids = {topic: f"id-of-{topic}" for topic in topics}
        self.partitions = dict.fromkeys(topics, partitions)
        self.records: dict[Partition, list[Row]] = defaultdict(list)
        self.beginnings: dict[Partition, int] = defaultdict(int)
        self.ends: dict[Partition, int] = defaultdict(int)
        self.reads: list[dict[Partition, int]] = []

    def send(self, topic: str, key: Any, value: Any, partition: int = 0, timestamp: int = 0) -> int:
        """Append a record and return its offset; what is neither bytes nor None is sent as JSON."""
        offset = self.ends[topic, partition]
        self.records[topic, partition].append((partition, offset, timestamp, _bytes(key), _bytes(value)))
        self.ends[topic, partition] += 1
        return offset

    def recreate(self, topic: str) -> None:
        """Delete a topic and create it again."""
        self.ids[topic] += " again"
        for partition in self._partitions(topic):
            self.records[partition], self.ends[partition], self.beginnings[partition] = [], 0, 0

    def delete_before(self, topic: str, offset: int, partition: int = 0) -> None:
        """Delete the first records of a partition."""
        self.beginnings[topic, partition] = offset
        self.remove(topic, [row[1] for row in self.records[topic, partition] if row[1] < offset], partition)

    def remove(self, topic: str, offsets: Iterable[int], partition: int = 0) -> None:
        """Remove records, as compaction does."""
        gone = set(offsets)
        self.records[topic, partition] = [row for row in self.records[topic, partition] if row[1] not in gone]

    def states(self, topics: Iterable[str]) -> dict[str, TopicState]:
        found = {}
        for topic in topics:
            if topic not in self.ids:
                raise CheckFailedError(f"topic {topic} does not exist. Deploy the pipeline, which creates it.")
            numbers = range(self.partitions[topic])
            found[topic] = TopicState(
                self.ids[topic],
                {number: self.beginnings[topic, number] for number in numbers},
                {number: self.ends[topic, number] for number in numbers},
            )
        return found

    def batches(self, starts: Mapping[Partition, int], ends: Mapping[Partition, int]) -> Iterator[Batch]:
        self.reads.append({partition: start for partition, start in starts.items() if start < ends[partition]})
        for partition, start in self.reads[-1].items():
            rows = [row for row in self.records[partition] if row[1] >= start]
            for first in range(0, max(1, len(rows)), BATCH):
                chunk = rows[first : first + BATCH]
                last = chunk[-1][1] + 1 if first + BATCH < len(rows) else self.ends[partition]
                yield Batch({partition[0]: chunk} if chunk else {}, {partition: last}, len(chunk))

    def _partitions(self, topic: str) -> list[Partition]:
        return [(topic, number) for number in range(self.partitions[topic])]


def _bytes(value: Any) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
