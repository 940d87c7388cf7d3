"""The changelog that every contestant reads: records in the format of `olympics.players`, and the rows they lead to.

First each id once, then updates: a new score, with a new name for 10 % of them, and a deletion for 2 %. Every id has
about 1.5 other ids with its name, so duplicates appear and disappear. The same number of records is always the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Producer

from infra.errors import UnreachableError
from infra.progress import Progress, Report

LARGEST_IDS = 1_000_000
NATIONALITIES, LARGEST_SCORE = 200, 1000
NAME_CHANGES, DELETIONS = 0.10, 0.02
_FLUSH_SECONDS = 120


class Row(NamedTuple):
    """The values of an id."""

    name: str
    nationality: str
    score: int


class Change(NamedTuple):
    """A record: the new row of an id, or None for a deletion."""

    id: int
    row: Row | None


def changes(records: int, seed: int = 7) -> Iterator[Change]:
    """Yield that many changes; four fifths of them introduce an id, up to LARGEST_IDS."""
    chooser = random.Random(seed)  # noqa: S311, test data
    ids = min(records * 4 // 5, LARGEST_IDS)
    names = max(ids * 16 // 25, 1)
    rows: list[Row] = []
    for number in range(ids):
        rows.append(_new_row(chooser, names))
        yield Change(number + 1, rows[number])
    for _ in range(records - ids):
        number, kind = chooser.randrange(ids), chooser.random()
        if kind < DELETIONS:
            yield Change(number + 1, None)
            continue
        row = rows[number]
        name = _name(chooser, names) if kind < DELETIONS + NAME_CHANGES else row.name
        rows[number] = Row(name, row.nationality, chooser.randrange(LARGEST_SCORE))
        yield Change(number + 1, rows[number])


def last_rows(changelog: Iterable[Change]) -> dict[int, Row]:
    """Return the row of each id that is not deleted at the end."""
    rows: dict[int, Row] = {}
    for change in changelog:
        if change.row is None:
            rows.pop(change.id, None)
        else:
            rows[change.id] = change.row
    return rows


def encode(change: Change) -> tuple[bytes, bytes | None]:
    """Return key and value of a record, as the CDC job writes them."""
    key = f'{{"id":{change.id}}}'.encode()
    if change.row is None:
        return key, None
    name, nationality, score = change.row
    return key, f'{{"id":{change.id},"name":"{name}","nationality":"{nationality}","score":{score}}}'.encode()


def write_changelog(servers: str, topic: str, records: int, report: Report) -> None:
    """Write the changes to a topic, keyed by id and in their order; UnreachableError if the broker does not take all.

    Idempotent, because retries of other producers can reorder the records of a key.
    """
    options = {
        "log_level": 3,
        "enable.idempotence": True,
        "compression.type": "lz4",
        "linger.ms": 20,
        "batch.size": 1_000_000,
    }
    producer = Producer({"bootstrap.servers": servers, "queue.buffering.max.messages": 500_000, **options})
    progress = Progress(report, f"writing {topic}", "records", records)
    for number, change in enumerate(changes(records)):
        key, value = encode(change)
        while True:
            try:
                producer.produce(topic, key=key, value=value)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 10_000 == 0:
            producer.poll(0)
            progress.update(number)
    if producer.flush(_FLUSH_SECONDS):
        raise UnreachableError(f"{topic}: the broker did not acknowledge all records. Check its log.")


def write_rows(rows: dict[int, Row], path: Path) -> None:
    """Write rows to a CSV file with a header; the generated values have no commas or quotes."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,name,nationality,score\n")
        file.writelines(f"{number},{row.name},{row.nationality},{row.score}\n" for number, row in rows.items())


def _new_row(chooser: random.Random, names: int) -> Row:
    nationality = f"Nation {chooser.randrange(NATIONALITIES)}"
    return Row(_name(chooser, names), nationality, chooser.randrange(LARGEST_SCORE))


def _name(chooser: random.Random, names: int) -> str:
    return f"Athlete {chooser.randrange(names)}"
