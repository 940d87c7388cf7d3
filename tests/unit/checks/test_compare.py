"""Comparison of rows: missing, unexpected and different ones."""

from __future__ import annotations

import pytest

from infra.checks.compare import compare, found_table
from infra.checks.expected import keyed
from infra.errors import CheckFailedError

ALEX = {"id": 1, "name": "Alex", "score": 7}
PETER = {"id": 2, "name": "Peter", "score": 2}


def texts(
    expected: list[dict[str, object]], found: list[dict[str, object]], key: tuple[str, ...] = ("id",)
) -> list[str]:
    return [str(difference) for difference in compare("games.players", keyed(expected, key), keyed(found, key))]


def test_equal_tables_have_no_difference() -> None:
    assert texts([ALEX, PETER], [PETER, ALEX]) == []
    assert texts([], []) == []


def test_every_kind_of_difference_is_reported() -> None:
    assert texts([ALEX, PETER], [{**ALEX, "score": 8}, {"id": 3, "name": "Žofie", "score": None}]) == [
        (
            'games.players [1]: expected {"id": 1, "name": "Alex", "score": 7}, '
            'found {"id": 1, "name": "Alex", "score": 8}'
        ),
        'games.players [2]: expected {"id": 2, "name": "Peter", "score": 2}, found no row',
        'games.players [3]: expected no row, found {"id": 3, "name": "Žofie", "score": null}',
    ]


def test_an_additional_column_is_a_difference() -> None:
    assert len(texts([ALEX], [{**ALEX, "more": None}])) == 1


def test_numbers_are_sorted_as_numbers() -> None:
    expected: list[dict[str, object]] = [{"id": number} for number in (10, 9, 100)]

    assert [text.split(":")[0] for text in texts(expected, [])] == [f"games.players [{n}]" for n in (9, 10, 100)]


def test_keys_of_several_columns_and_types() -> None:
    found: list[dict[str, object]] = [{"a": None, "b": 1}, {"a": "x", "b": 2}, {"a": "x", "b": 1}]

    assert [text.split(":")[0] for text in texts([], found, ("a", "b"))] == [
        "games.players [None, 1]",
        "games.players ['x', 1]",
        "games.players ['x', 2]",
    ]


def test_found_value_without_a_key_column_is_an_error() -> None:
    with pytest.raises(CheckFailedError) as caught:
        found_table("games.players", [ALEX, {"name": "Peter"}], ("id", "score"))

    assert str(caught.value) == (
        'topic games.players: the value {"name": "Peter"} does not have id, score. Expected every key column of the '
        "check. Fix the job, or the key of the check."
    )


def test_two_records_of_one_row_are_an_error() -> None:
    with pytest.raises(CheckFailedError) as caught:
        found_table("games.players", [ALEX, PETER, {**ALEX, "score": 8}], ("id",))

    assert str(caught.value) == (
        "topic games.players: several records have the same id. Fix the job, or the key of the check."
    )
