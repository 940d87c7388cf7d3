"""The newest records of some keys of changelogs, by their own place: a republished record has that of its original."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import NamedTuple

from kafka.consumer.fetcher import ConsumerRecord

from infra.kafka.quarantine_format import ORIGIN_HEADER, Origin


class Key(NamedTuple):
    """A key of a topic; JSON keys of the same content are the same key, whatever their bytes."""

    topic: str
    content: str | bytes | None


class Arrival(NamedTuple):
    """A valid record of a key: the place that it has in the order of the changelog, and the record itself."""

    place: Origin
    record: ConsumerRecord


class NewestRecords:
    """The valid records of `keys` in the order of their arrival. `invalid` are the positions of quarantined ones.

    A quarantined record does not count for the job, so it is not newer than any other.
    """

    def __init__(self, keys: Collection[Key], invalid: Collection[Origin]) -> None:
        self._arrivals: dict[Key, list[Arrival]] = {key: [] for key in keys}
        self._invalid = invalid

    def add(self, records: Iterable[ConsumerRecord]) -> None:
        """Add records of a topic, in the order of their offsets."""
        for record in records:
            arrivals = self._arrivals.get(key_of(record.topic, record.key))
            own = Origin(record.topic, record.partition, record.offset, record.timestamp)
            if arrivals is not None and own not in self._invalid:
                arrivals.append(Arrival(_place(record, own), record))

    def is_superseded(self, key: Key, origin: Origin) -> bool:
        """Return whether a valid record of the key is newer than the original at `origin`.

        Also by its time alone, because a topic that was recreated begins again with its offsets.
        """
        return any(
            _is_after(arrival.place, origin) or arrival.place.timestamp_ms > origin.timestamp_ms
            for arrival in self._arrivals[key]
        )

    def overtaken(self) -> list[Arrival]:
        """Return the newest record of each key whose last record has an older place."""
        found = []
        for arrivals in filter(None, self._arrivals.values()):
            newest = arrivals[0]
            for arrival in arrivals[1:]:
                newest = newest if _is_after(newest.place, arrival.place) else arrival
            if _is_after(newest.place, arrivals[-1].place):
                found.append(newest)
        return found


def key_of(topic: str, key: bytes | None) -> Key:
    """Return the key of a record."""
    try:
        return Key(topic, json.dumps(json.loads(key), sort_keys=True)) if key is not None else Key(topic, None)
    except (ValueError, RecursionError):
        return Key(topic, key)


def _place(record: ConsumerRecord, own: Origin) -> Origin:
    """Return the place of a record, which for a republished one is that of its original."""
    origins = [value.decode() for name, value in record.headers if name == ORIGIN_HEADER]
    return Origin.parse(origins[-1]) if origins else own


def _is_after(place: Origin, other: Origin) -> bool:
    """Return whether a place is after another one: by the order of arrival in its partition, else by time."""
    if place.partition == other.partition:
        return place.offset > other.offset
    return place.timestamp_ms > other.timestamp_ms
