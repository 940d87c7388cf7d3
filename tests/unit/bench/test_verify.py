"""infra/bench/verify.py: results are compared with the pipeline's check SQL, row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.bench.changelog import Row, write_rows
from infra.bench.stack import measured_pipeline
from infra.bench.verify import Verifier

ROWS = {1: Row("A", "US", 7), 2: Row("A", "US", 9), 3: Row("B", "FR", 8), 4: Row("C", "US", 2)}
STATISTICS = [("US", 2, 4.5, "A", 1, 7), ("FR", 1, 8.0, "B", 3, 8)]
FOUND: dict[str, list[dict[str, Any]]] = {
    "athletes": [
        {"name": "A", "id": 1, "nationality": "US", "score": 7},
        {"name": "B", "id": 3, "nationality": "FR", "score": 8},
        {"name": "C", "id": 4, "nationality": "US", "score": 2},
    ],
    "duplicates": [{"id": 2, "name": "A", "nationality": "US", "score": 9, "kept_id": 1}],
    "nationality_stats": [
        {
            "nationality": nationality, "athletes": athletes, "average_score": average, "top_athlete": name,
            "top_athlete_id": number, "top_score": score,
        }
        for nationality, athletes, average, name, number, score in STATISTICS
    ],
    "best_nationality": [
        {"position": 1, "nationality": "FR", "average_score": 8.0, "top_athlete": "B", "top_score": 8}
    ],
    "top_athletes": [
        {"rank": 1, "id": 3, "name": "B", "nationality": "FR", "score": 8},
        {"rank": 2, "id": 1, "name": "A", "nationality": "US", "score": 7},
        {"rank": 3, "id": 4, "name": "C", "nationality": "US", "score": 2},
    ],
}  # fmt: skip


@pytest.fixture
def verifier(tmp_path: Path) -> Iterator[Verifier]:
    write_rows(ROWS, tmp_path / "rows.csv")
    with Verifier(measured_pipeline(), tmp_path / "rows.csv", tmp_path) as found:
        yield found


def folded(values: dict[str, list[dict[str, Any]]]) -> dict[str, dict[bytes, bytes]]:
    return {
        output: {str(number).encode(): json.dumps(value).encode() for number, value in enumerate(each)}
        for output, each in values.items()
    }


def test_right_results_have_no_difference(verifier: Verifier) -> None:
    assert verifier.differences(folded(FOUND)) == []
    assert verifier.rows() == 10


def test_different_row_is_shown(verifier: Verifier) -> None:
    wrong = [{**FOUND["athletes"][0], "score": 8}, *FOUND["athletes"][1:]]

    assert verifier.differences(folded({**FOUND, "athletes": wrong})) == [
        "athletes: 3 rows, expected 3; 1 of those are missing or differ, such as [('A', 1, 'US', 7)]"
    ]


def test_row_under_two_keys_is_a_difference(verifier: Verifier) -> None:
    [line] = verifier.differences(folded({**FOUND, "duplicates": FOUND["duplicates"] * 2}))

    assert line.startswith("duplicates: 2 rows, expected 1; 0 of those are missing")


def test_empty_topic_is_a_difference(verifier: Verifier) -> None:
    [line] = verifier.differences(folded({**FOUND, "best_nationality": []}))

    assert line.startswith("best_nationality: 0 rows, expected 1; 1 of those are missing")


def test_value_that_is_not_json_is_a_difference(verifier: Verifier) -> None:
    [line] = verifier.differences({**folded(FOUND), "athletes": {b"A": b"{"}})

    assert line.startswith("athletes: a value is not the JSON that was expected")
