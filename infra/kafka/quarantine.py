"""Reading the quarantine topic of a pipeline; `infra.kafka.quarantine_format` defines its records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.fetcher import ConsumerRecord

from infra.kafka.quarantine_format import (
    QuarantinedRecord,
    decode_marker,
    decode_quarantined,
    is_republished_marker,
    quarantine_columns,
)
from infra.kafka.reader import RecordReader


def quarantined_rows(records: Iterable[ConsumerRecord]) -> list[dict[str, Any]]:
    """Return the quarantined ones among the records of a quarantine topic, each as its columns."""
    return [quarantine_columns(record) for record in records if not is_republished_marker(record)]


def read_quarantine(client: KafkaConsumer, topic: str) -> tuple[list[QuarantinedRecord], set[tuple[int, int]]]:
    """Return the quarantined records by partition and offset, and the positions of those already republished.

    A position is partition and offset within the quarantine. CheckFailedError if the topic does not exist.
    """
    quarantined, republished = [], set()
    for record in RecordReader(client, topic).refresh():
        if is_republished_marker(record):
            republished.add(decode_marker(record))
        else:
            quarantined.append(decode_quarantined(record))
    return sorted(quarantined, key=lambda record: (record.partition, record.offset)), republished
