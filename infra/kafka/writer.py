"""Writing records to topics, and emptying compacted ones with tombstones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from infra.endpoints import KafkaEndpoint
from infra.kafka.client import consumer, producer
from infra.kafka.reader import TableReader


class Record(NamedTuple):
    """A record to write; a value of None is a tombstone, a partition of None lets the key decide.

    A timestamp (milliseconds) of None is the time of writing.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int | None = None


def send_records(endpoint: KafkaEndpoint, records: Iterable[Record]) -> int:
    """Writes the records in order and returns how many; an error when the broker refuses one."""
    with producer(endpoint) as sender:
        sent = [
            sender.send(
                r.topic, key=r.key, value=r.value, partition=r.partition,
                headers=list(r.headers), timestamp_ms=r.timestamp_ms,
            )
            for r in records
        ]  # fmt: skip
        for future in sent:
            future.get(timeout=60)
    return len(sent)


def clear_tables(endpoint: KafkaEndpoint, topics: Iterable[str]) -> int:
    """Writes a tombstone for every key that the compacted topics hold, and returns how many there were."""
    with consumer(endpoint) as client:
        reader = TableReader(client, topics)
        reader.refresh()
    return send_records(endpoint, (Record(topic, key, None) for topic, table in reader.tables.items() for key in table))
