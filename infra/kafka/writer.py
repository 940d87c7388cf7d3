"""Writing records to topics, and clearing compacted topics with tombstones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from infra.endpoints import KafkaEndpoint
from infra.kafka.client import consumer, producer
from infra.kafka.reader import TableReader

SEND_TIMEOUT_SECONDS = 60


class Record(NamedTuple):
    """A record to write.

    A value of None is a tombstone. Without a partition the key decides. Without a timestamp it is the time of writing.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int | None = None


def send_records(endpoint: KafkaEndpoint, records: Iterable[Record]) -> int:
    """Write the records in order and return their number; the error of `producer` if the broker rejects one."""
    with producer(endpoint) as sender:
        sent = [
            sender.send(
                r.topic, key=r.key, value=r.value, partition=r.partition,
                headers=list(r.headers), timestamp_ms=r.timestamp_ms,
            )
            for r in records
        ]  # fmt: skip
        for future in sent:
            future.get(timeout=SEND_TIMEOUT_SECONDS)
    return len(sent)


def clear_tables(endpoint: KafkaEndpoint, topics: Iterable[str]) -> int:
    """Write a tombstone for every key of the compacted topics, and return the number of keys."""
    with consumer(endpoint) as client:
        reader = TableReader(client, topics)
        reader.refresh()
    return send_records(endpoint, (Record(topic, key, None) for topic, table in reader.tables.items() for key in table))
