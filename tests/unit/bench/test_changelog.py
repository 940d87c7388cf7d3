"""infra/bench/changelog.py: the changelog is repeatable, and its records have the format of the CDC job."""

from __future__ import annotations

import json

from infra.bench.changelog import Change, Row, changes, encode, last_rows


def test_changes_are_repeatable_and_exactly_as_many() -> None:
    assert list(changes(1_000)) == list(changes(1_000))
    assert len(list(changes(1_000))) == 1_000


def test_four_fifths_introduce_an_id() -> None:
    assert [change.id for change in changes(1_000)][:800] == list(range(1, 801))
    assert {change.id for change in changes(1_000)} == set(range(1, 801))


def test_updates_change_names_and_delete() -> None:
    found = list(changes(50_000))
    before = {change.id: change.row for change in found[:40_000]}
    updates = found[40_000:]
    deletions = [change for change in updates if change.row is None]
    renamed = [change for change in updates if change.row and change.row.name != before[change.id].name]  # type: ignore[union-attr]

    assert 0.01 < len(deletions) / len(updates) < 0.03
    assert 0.05 < len(renamed) / len(updates) < 0.15


def test_last_rows_are_those_that_are_not_deleted() -> None:
    first, second = Row("A", "US", 1), Row("B", "US", 2)

    assert last_rows([Change(1, first), Change(2, first), Change(1, second), Change(2, None)]) == {1: second}


def test_records_are_json_and_a_deletion_is_a_tombstone() -> None:
    key, value = encode(Change(7, Row("Athlete 1", "Nation 2", 3)))

    assert json.loads(key) == {"id": 7}
    assert value is not None
    assert json.loads(value) == {"id": 7, "name": "Athlete 1", "nationality": "Nation 2", "score": 3}
    assert encode(Change(7, None)) == (b'{"id":7}', None)
