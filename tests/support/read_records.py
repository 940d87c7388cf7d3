"""Records as the checks read them, without a broker."""

from __future__ import annotations

from collections.abc import Iterable

from infra.kafka.bulk import Row
from tests.support.record_model import Sent


def as_read(records: Iterable[Sent]) -> list[Row]:
    """Return the records of a topic."""
    return [(sent.partition, sent.offset, sent.timestamp_ms, None, sent.value) for sent in records]
