"""What every peer must do: the arguments, the rules of a valid record, and keys and values of the results.

The results are upserts, as docs/architecture.md defines them: JSON key, JSON value, a tombstone for a deletion.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple


def _codec() -> tuple[Callable[[Any], bytes], Callable[[bytes | str], Any]]:
    """Return writer and reader of JSON: orjson, or the standard library in an environment without it."""
    try:
        import orjson
    except ModuleNotFoundError:
        return lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), json.loads
    return orjson.dumps, orjson.loads


dumps, loads = _codec()
OUTPUTS = ("athletes", "duplicates", "nationality_stats", "best_nationality", "top_athletes")
MAX_BYTES = 8192
# Options of every producer; the same as those of the job's tables.
PRODUCER = {"compression.type": "lz4", "linger.ms": 5, "queue.buffering.max.messages": 1_000_000}

Output = tuple[str, bytes, bytes | None]


class Row(NamedTuple):
    """The valid row of an id."""

    name: str
    nationality: str
    score: int


class InvalidRecordError(ValueError):
    """A record that must not change a result; the message is the reason."""


def read_arguments() -> argparse.Namespace:
    """Return `servers`, `source` (a topic), `results` (the prefix of the result topics) and `scratch` (a folder)."""
    parser = argparse.ArgumentParser()
    for name in ("servers", "source", "results", "scratch"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--jars", default="")
    return parser.parse_args()


def report_ready() -> None:
    """Report that the process is ready and starts to read: its time begins here."""
    print(f"ready {time.time()}", flush=True)


def read_record(key: bytes | None, value: bytes | None) -> tuple[int, Row | None]:
    """Return the id and its row, None for a deletion; InvalidRecordError if the record is invalid.

    A JSON parser in C, and then the types. Unlike the job's reader it accepts a name that is twice in an object.
    """
    if key is None:
        raise InvalidRecordError("the key is missing")
    if len(key) > MAX_BYTES or (value is not None and len(value) > MAX_BYTES):
        raise InvalidRecordError(f"is larger than {MAX_BYTES} bytes")
    try:
        number = loads(key)["id"]
        fields = None if value is None else loads(value)
        row = None if fields is None else Row(fields["name"], fields["nationality"], fields["score"])
        same = fields is None or (type(fields["id"]) is int and fields["id"] == number)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidRecordError(f"is not a record of the table: {error}") from None
    if type(number) is not int or not _is_int32(number):
        raise InvalidRecordError("id in the key is not a 32-bit integer")
    if not same:
        raise InvalidRecordError("the id differs from the id in the key")
    if row and not (type(row.name) is str and type(row.nationality) is str and _is_int32(row.score)):
        raise InvalidRecordError("a field in the value does not have its type")
    return number, row


def _is_int32(value: Any) -> bool:
    return type(value) is int and -(2**31) <= value < 2**31


def athlete(name: str, number: int, row: Row | None) -> Output:
    """Return the record of a name's athlete; without a row its deletion."""
    value = row and {"name": name, "id": number, "nationality": row.nationality, "score": row.score}
    return "athletes", dumps({"name": name}), dumps(value) if value else None


def duplicate(number: int, row: Row | None, kept_id: int) -> Output:
    """Return the record of a row that does not count; without a row its deletion."""
    value = row and {
        "id": number,
        "name": row.name,
        "nationality": row.nationality,
        "score": row.score,
        "kept_id": kept_id,
    }
    return "duplicates", dumps({"id": number}), dumps(value) if value else None


class Leader(NamedTuple):
    """An athlete of the best of a nationality, or of all."""

    score: int
    id: int
    name: str
    nationality: str


class Statistics(NamedTuple):
    """The statistics of a nationality; `leaders` are its best three."""

    nationality: str
    athletes: int
    total: int
    leaders: tuple[Leader, ...]

    @property
    def average(self) -> float:
        """The exact quotient as a double."""
        return self.total / self.athletes


def nationality_stats(nationality: str, found: Statistics | None) -> Output:
    """Return the record of a nationality; without statistics its deletion."""
    value = found and {
        "nationality": nationality,
        "athletes": found.athletes,
        "average_score": found.average,
        "top_athlete": found.leaders[0].name,
        "top_athlete_id": found.leaders[0].id,
        "top_score": found.leaders[0].score,
    }
    return "nationality_stats", dumps({"nationality": nationality}), dumps(value) if value else None


def best_nationality(found: Statistics | None) -> Output:
    """Return the record of the best nationality; without statistics its deletion."""
    value = found and {
        "position": 1,
        "nationality": found.nationality,
        "average_score": found.average,
        "top_athlete": found.leaders[0].name,
        "top_score": found.leaders[0].score,
    }
    return "best_nationality", dumps({"position": 1}), dumps(value) if value else None


def top_athlete(rank: int, leader: Leader | None) -> Output:
    """Return the record of a rank; without a leader its deletion."""
    value = leader and {
        "rank": rank,
        "id": leader.id,
        "name": leader.name,
        "nationality": leader.nationality,
        "score": leader.score,
    }
    return "top_athletes", dumps({"rank": rank}), dumps(value) if value else None


def by_rank(leader: Leader) -> tuple[int, int]:
    """Return the sort key of leaders: the highest score first, in a tie the lower id."""
    return -leader.score, leader.id


def by_average(found: Statistics) -> tuple[float, str]:
    """Return the sort key of nationalities: the highest average first, in a tie by code point."""
    return -found.average, found.nationality
