"""The quarantine topic of a pipeline: records that cannot count, and marks of those that were published again."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.fetcher import ConsumerRecord

from infra.kafka.reader import RecordReader

# The key of a mark; a job's entries have none.
MARK_KEY = b"republished"


@dataclass(frozen=True)
class QuarantinedRecord:
    """An entry of the quarantine, and where it is itself.

    `position` is that of the bad element in its record, None where the whole record is bad. `attempts` says how often
    the record had been published again before.
    """

    partition: int
    offset: int
    source_topic: str
    source_partition: int
    source_offset: int
    source_timestamp_ms: int
    position: int | None
    reason: str
    attempts: int
    key: bytes | None
    value: bytes | None


def entries_of(records: Iterable[ConsumerRecord]) -> list[dict[str, Any]]:
    """The entries among the records of a quarantine topic, as the jobs wrote them."""
    return [json.loads(record.value) for record in records if not is_mark(record)]


def read_entries_and_marks(client: KafkaConsumer, topic: str) -> tuple[list[QuarantinedRecord], set[tuple[int, int]]]:
    """The entries in the order of their offsets, and partition and offset of those that were published again."""
    entries, marks = [], set()
    for record in RecordReader(client, topic).refresh():
        content = json.loads(record.value)
        if is_mark(record):
            marks.add((content["partition"], content["offset"]))
        else:
            entries.append(_entry(record, content))
    return sorted(entries, key=lambda entry: (entry.partition, entry.offset)), marks


def mark_of(entry: QuarantinedRecord) -> bytes:
    """The value of the mark that an entry was published again."""
    return json.dumps({"partition": entry.partition, "offset": entry.offset}).encode()


def is_mark(record: ConsumerRecord) -> bool:
    """Whether a record of the quarantine topic is a mark and no entry."""
    return bool(record.key == MARK_KEY)


def _entry(record: ConsumerRecord, content: dict[str, Any]) -> QuarantinedRecord:
    return QuarantinedRecord(
        partition=record.partition,
        offset=record.offset,
        source_topic=content["source_topic"],
        source_partition=content["source_partition"],
        source_offset=content["source_offset"],
        source_timestamp_ms=_milliseconds(content["source_timestamp"]),
        position=content.get("position"),
        reason=content["reason"],
        attempts=content.get("attempts", 0),
        key=_bytes(content["message_key"]),
        value=_bytes(content["message_value"]),
    )


def _milliseconds(text: str) -> int:
    """Since the epoch; the jobs write ISO 8601."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
