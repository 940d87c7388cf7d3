"""Records as kafka-python returns them, without a broker."""

from __future__ import annotations

from collections.abc import Iterable

from kafka.consumer.fetcher import ConsumerRecord

from tests.support.record_model import Sent


def as_read(topic: str, records: Iterable[Sent]) -> list[ConsumerRecord]:
    """Return the records of a topic."""
    return [
        ConsumerRecord(
            topic=topic, partition=sent.partition, leader_epoch=0, offset=sent.offset, timestamp=sent.timestamp_ms,
            timestamp_type=0, key=None, value=sent.value, headers=[], checksum=None, serialized_key_size=-1,
            serialized_value_size=-1, serialized_header_size=-1,
        )
        for sent in records
    ]  # fmt: skip
