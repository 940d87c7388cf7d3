"""The audit of the table's changelog: each record has one disposition, and a contradiction has none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.checks.audit import Element, account_for
from infra.checks.topic_database import TopicDatabase
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import ROOT

VALID = {"id": 1, "name": "Alex", "nationality": "Austria", "score": 7}


@pytest.fixture
def pipeline() -> Pipeline:
    return load_pipeline(ROOT / "flink_jobs" / "olympics")


def audited(
    pipeline: Pipeline, players: list[Any], quarantined: list[int], athletes: list[int], duplicates: list[int]
) -> tuple[dict[str, int], dict[Element, str]]:
    """Return dispositions and unaccounted records; `players` are the records' values, all of the row 1."""
    assert pipeline.audit is not None
    with TopicDatabase(pipeline) as database:
        key = b'{"id":1}'
        rows = [(0, offset, 5, key, value and json.dumps(value).encode()) for offset, value in enumerate(players)]
        database.append("olympics.players", rows)
        for offset in quarantined:
            position = {"source_topic": "olympics.players", "source_partition": 0, "source_offset": offset}
            value = {**position, "source_timestamp": "1970-01-01T00:00:00.005Z", "reason": "invalid", "attempts": 0}
            database.append("olympics.quarantine", [(0, offset, 0, None, json.dumps(value).encode())])
        for topic, ids in (("athletes", athletes), ("duplicates", duplicates)):
            found = [(0, number, 0, b"%d" % number, json.dumps({**VALID, "id": number}).encode()) for number in ids]
            database.append(f"olympics.{topic}", found)
        database.create_topic_tables()
        accounts, unaccounted = account_for(pipeline.audit, database)
        return dict(accounts[0].dispositions), unaccounted.first


@pytest.mark.parametrize(
    ("players", "quarantined", "athletes", "duplicates", "expected"),
    [
        ([VALID], [], [1], [], {"counted": 1}),
        ([VALID], [], [], [1], {"duplicate": 1}),
        ([VALID, VALID], [], [1], [], {"superseded": 1, "counted": 1}),
        ([VALID, None], [], [], [], {"superseded": 1, "deleted": 1}),
        ([VALID], [0], [], [], {"quarantined": 1}),
        ([VALID, VALID], [1], [1], [], {"counted": 1, "quarantined": 1}),
    ],
)
def test_every_record_has_a_disposition(
    pipeline: Pipeline, players: Any, quarantined: Any, athletes: Any, duplicates: Any, expected: Any
) -> None:
    assert audited(pipeline, players, quarantined, athletes, duplicates) == (expected, {})


@pytest.mark.parametrize(
    ("players", "quarantined", "athletes", "duplicates", "explanation"),
    [
        ([VALID], [0], [1], [], "is both in the quarantine and counted"),
        ([VALID], [0], [], [1], "is both in the quarantine and counted"),
        ([VALID], [], [1], [1], "is both counted and a duplicate"),
        ([VALID], [], [], [], "is neither counted, nor a duplicate, nor in the quarantine"),
        ([None], [], [1], [], "deletes a row that still counts"),
    ],
)
def test_contradiction_is_unaccounted(
    pipeline: Pipeline, players: Any, quarantined: Any, athletes: Any, duplicates: Any, explanation: str
) -> None:
    _, unaccounted = audited(pipeline, players, quarantined, athletes, duplicates)

    assert unaccounted == {Element(0, 0, None): explanation}
