"""The order of a changelog by the places of its records, of which a republished one has that of its original."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from infra.kafka.newest import NewestRecords, key_of
from infra.kafka.quarantine_format import ORIGIN_HEADER, Origin

TOPIC = "games.scores"
KEY = b'{"id": 1}'


class Sent(NamedTuple):
    """A record as the client returns it."""

    offset: int
    timestamp: int
    topic: str = TOPIC
    partition: int = 0
    key: bytes | None = KEY
    headers: tuple[tuple[str, bytes], ...] = ()


def origin(offset: int, timestamp: int, partition: int = 0) -> Origin:
    return Origin(TOPIC, partition, offset, timestamp)


def republished(offset: int, of: Origin) -> Sent:
    return Sent(offset, of.timestamp_ms, headers=((ORIGIN_HEADER, str(of).encode()),))


def newest(records: list[Any], invalid: frozenset[Origin] = frozenset()) -> NewestRecords:
    found = NewestRecords({key_of(TOPIC, KEY)}, invalid)
    found.add(records)
    return found


BAD = origin(5, 100)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], False),
        ([Sent(4, 90)], False),
        ([Sent(6, 110)], True),
        ([Sent(6, 90)], True),  # by arrival, whatever the clock of its producer
        ([Sent(0, 110)], True),  # the topic was recreated
        ([Sent(6, 110, key=b'{"id": 2}')], False),
        ([Sent(6, 110, key=b'{ "id":1 }')], True),
        ([republished(9, origin(3, 80))], False),
        ([republished(9, origin(7, 120))], True),
    ],
)
def test_record_is_superseded_by_a_newer_one_of_its_key(records: list[Any], expected: bool) -> None:
    assert newest(records).is_superseded(key_of(TOPIC, KEY), BAD) is expected


def test_quarantined_record_does_not_supersede() -> None:
    assert not newest([Sent(6, 110)], frozenset({origin(6, 110)})).is_superseded(key_of(TOPIC, KEY), BAD)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], []),
        ([Sent(4, 90), republished(7, BAD)], []),
        ([Sent(4, 90), Sent(6, 110), republished(7, BAD)], [6]),
        ([Sent(6, 110), republished(7, BAD), Sent(8, 120)], []),
        ([Sent(6, 110), republished(7, BAD), republished(8, origin(6, 110))], []),
    ],
)
def test_newest_record_that_a_republished_one_has_replaced(records: list[Any], expected: list[int]) -> None:
    assert [arrival.place.offset for arrival in newest(records).overtaken()] == expected


def test_key_is_compared_by_content() -> None:
    assert key_of(TOPIC, b'{"a": 1, "b": 2}') == key_of(TOPIC, b'{"b":2,"a":1}')
    assert key_of(TOPIC, b"{") == key_of(TOPIC, b"{") != key_of(TOPIC, None)


def test_origin_is_read_from_its_text() -> None:
    place = Origin("games-2.a@b/c", 3, 17, 1_770_000_000_000)

    assert Origin.parse(str(place)) == place
