"""Row by row: what was expected against what is there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from infra.checks.expected import Key, Table, keyed
from infra.errors import CheckFailedError


@dataclass(frozen=True)
class Difference:
    """One row that differs; None stands for no row."""

    topic: str
    key: Key
    expected: dict[str, Any] | None
    found: dict[str, Any] | None

    def __str__(self) -> str:
        key = ", ".join(map(repr, self.key))
        return f"{self.topic} [{key}]: expected {_shown(self.expected)}, found {_shown(self.found)}"


def compare(topic: str, expected: Table, found: Table) -> list[Difference]:
    """Every row that is missing, too many, or different, sorted by key."""
    keys = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    return [Difference(topic, key, expected.get(key), found.get(key)) for key in sorted(keys, key=by_type)]


def found_table(topic: str, values: list[dict[str, Any]], key: tuple[str, ...]) -> Table:
    """The values of a topic by their key columns.

    CheckFailedError when a value lacks one of them, or when records with different keys hold the same ones.
    """
    for value in values:
        missing = [column for column in key if column not in value]
        if missing:
            raise CheckFailedError(f"topic {topic}: no {', '.join(missing)} in {_shown(value)}; the key has it")
    table = keyed(values, key)
    if len(table) != len(values):
        raise CheckFailedError(f"topic {topic}: records with different keys hold the same {', '.join(key)}")
    return table


def by_type(key: Key) -> list[tuple[str, Any]]:
    """Numbers as numbers; a part may be None or of another type than in the next key."""
    return [(type(part).__name__, part) for part in key]


def _shown(row: dict[str, Any] | None) -> str:
    return "no row" if row is None else json.dumps(row, ensure_ascii=False)
