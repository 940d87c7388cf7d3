"""The rows of a table in a plan: counted, or named as not compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra import planning
from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.errors import DataFileError
from infra.mysql.schema import ensure_schema
from infra.mysql.seed import seed_table
from infra.pipeline import load_pipeline
from infra.plan import Action, PlannedChange
from infra.planning import Request, Systems, _preview_table
from infra.settings import ROOT
from infra.targets.memory import MemoryTarget
from tests.support.jobs import JOB

PIPELINE = load_pipeline(ROOT / "flink_jobs" / "olympics")
SEED = PIPELINE.path(PIPELINE.table_seed.data)
SCHEMA = PIPELINE.path(PIPELINE.table_seed.schema_file)


def planned(owner: MySqlEndpoint, path: Path = SEED, **systems: bool) -> tuple[PlannedChange, PlannedChange]:
    found = Systems(KafkaEndpoint("127.0.0.1:1"), MemoryTarget(), lambda *_: JOB, owner=owner)
    table, rows = _preview_table(PIPELINE, replace(found, **systems), Request(lambda: path))  # type: ignore[arg-type]
    return table, rows


def test_rows_of_a_new_table_are_estimated(owner: MySqlEndpoint) -> None:
    table, rows = planned(owner)

    assert (table.action, rows.action) == (Action.CREATE, Action.CREATE)
    assert rows.summary == "insert about 5 rows of players.csv, which are not checked yet"


def test_file_that_is_missing_is_refused_before_the_table_exists(owner: MySqlEndpoint, tmp_path: Path) -> None:
    _, rows = planned(owner, tmp_path / "none.csv")
    ensure_schema(owner, SCHEMA, "players", PIPELINE.name)

    with pytest.raises(DataFileError) as caught:
        seed_table(owner, "players", tmp_path / "none.csv", tmp_path / "rejects.csv")
    assert (rows.action, rows.summary) == (Action.REFUSE, str(caught.value))


def test_nothing_is_asked_of_a_database_that_does_not_exist_yet(owner: MySqlEndpoint) -> None:
    nobody = replace(owner, port=1)

    assert [change.action for change in planned(nobody, lacks_database=True)] == [Action.CREATE, Action.CREATE]


def test_large_file_is_not_compared_and_says_so(owner: MySqlEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_schema(owner, SCHEMA, "players", PIPELINE.name)
    monkeypatch.setattr(planning, "PREVIEWED_BYTES", 1)

    table, rows = planned(owner)

    assert (table.action, rows.action) == (Action.UNCHANGED, Action.CHANGE)
    assert rows.summary == "not compared, because players.csv has 0 MiB; about 5 rows"
