"""The contract of the outputs as an independent model in plain Python: rows in, the values of every result topic out.

It shares no code with the Flink SQL or the check SQL; the tests compare both with it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

Value = dict[str, Any]
BEST = ("nationality", "average_score", "top_athlete", "top_score")


class Row(NamedTuple):
    """A row of the table."""

    id: int
    name: str
    nationality: str
    score: int


SEED = [
    Row(1, "Alex", "Austria", 7),
    Row(2, "Peter", "US", 2),
    Row(3, "Josef", "US", 8),
    Row(4, "Max", "Austria", 4),
    Row(5, "Peter", "US", 2),
]


def expected_outputs(rows: Iterable[Row]) -> dict[str, dict[Any, Value]]:
    """Return the expected values by topic (without its prefix) and key."""
    table = sorted(rows)
    kept: dict[str, Row] = {}
    for row in table:
        kept.setdefault(row.name, row)
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in kept.values():
        groups[row.nationality].append(row)
    stats = {nationality: _statistics(nationality, members) for nationality, members in groups.items()}
    best = sorted(
        stats.values(), key=lambda value: (-float(str(value["average_score"])), str(value["nationality"]).encode())
    )
    top = sorted(kept.values(), key=lambda row: (-row.score, row.id))[:3]
    return {
        "players": {row.id: row._asdict() for row in table},
        "athletes": {row.name: row._asdict() for row in kept.values()},
        "duplicates": {
            row.id: row._asdict() | {"kept_id": kept[row.name].id} for row in table if kept[row.name].id != row.id
        },
        "nationality_stats": stats,
        "best_nationality": {
            position: {"position": position, **{k: v for k, v in value.items() if k in BEST}}
            for position, value in enumerate(best[:1], start=1)
        },
        "top_athletes": {rank: {"rank": rank} | row._asdict() for rank, row in enumerate(top, start=1)},
    }


def in_order(values: Iterable[dict[str, Any]]) -> list[str]:
    """Return the values as JSON, in an order that depends only on their content."""
    return sorted(json.dumps(value, sort_keys=True, ensure_ascii=False) for value in values)


def _statistics(nationality: str, members: list[Row]) -> Value:
    top = min(members, key=lambda row: (-row.score, row.id))
    return {
        "nationality": nationality,
        "athletes": len(members),
        "average_score": sum(row.score for row in members) / len(members),
        "top_athlete": top.name,
        "top_athlete_id": top.id,
        "top_score": top.score,
    }
