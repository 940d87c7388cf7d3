"""Comparison of expected and found rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from infra.checks.expected import Key, Table, keyed
from infra.errors import CheckFailedError


@dataclass(frozen=True)
class Difference:
    """A row that differs; None stands for a missing row."""

    topic: str
    key: Key
    expected: dict[str, Any] | None
    found: dict[str, Any] | None

    def __str__(self) -> str:
        key = ", ".join(map(repr, self.key))
        return f"{self.topic} [{key}]: expected {_shown(self.expected)}, found {_shown(self.found)}"


def compare(topic: str, expected: Table, found: Table) -> list[Difference]:
    """Return every row that is missing, unexpected or different, sorted by key."""
    keys = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    return [Difference(topic, key, expected.get(key), found.get(key)) for key in sorted(keys, key=by_type)]


def found_table(topic: str, values: list[dict[str, Any]], key: tuple[str, ...]) -> Table:
    """Return the values of a topic by their key columns.

    CheckFailedError if a value does not have a key column, or if two records have the same values in these columns.
    """
    for value in values:
        missing = [column for column in key if column not in value]
        if missing:
            raise CheckFailedError(
                f"topic {topic}: the value {_shown(value)} does not have {', '.join(missing)}. Expected every key "
                "column of the check. Fix the job, or the key of the check."
            )
    table = keyed(values, key)
    if len(table) != len(values):
        raise CheckFailedError(
            f"topic {topic}: several records have the same {', '.join(key)}. Fix the job, or the key of the check."
        )
    return table


def by_type(key: Key) -> list[tuple[str, Any]]:
    """Return a sort key that orders numbers as numbers, for keys whose parts may be None or of different types."""
    return [(type(part).__name__, part) for part in key]


def _shown(row: dict[str, Any] | None) -> str:
    return "no row" if row is None else json.dumps(row, ensure_ascii=False)
