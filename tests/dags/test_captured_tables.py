"""All tasks of a run agree on its captured tables, which its preflight has found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.errors import DefinitionError
from infra.pipeline import CapturedTable, Pipeline, load_pipeline
from infra.settings import ROOT

DEFINITION = """\
name: shop
description: The tables of a shop
source:
  mysql: {database: shop, tables: ["order_*"], topics: {prefix: shop., partitions: 1}}
jobs:
  capture: {script: capture.py, uses: [kafka, mysql]}
"""
ITEMS = CapturedTable("order_items", ("orders", "line"), "orders", ("note",))


class Xcoms:
    """The XComs of one run, as JSON types, which Airflow stores."""

    def __init__(self, task_id: str = "preflight_cdc") -> None:
        self.task_id = task_id
        self.values: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[key] = [{name: _as_json(part) for name, part in each.items()} for each in value]

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        return self.values.get(key) if task_ids == self.task_id else None


def _as_json(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


@pytest.fixture
def shop(tmp_path: Path) -> Pipeline:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "capture.py").write_text("")
    (folder / "pipeline.yaml").write_text(DEFINITION)
    return load_pipeline(folder)


@pytest.mark.parametrize("task_id", ["preflight_cdc", "preflight_reload"])
def test_tables_that_the_preflight_found_are_those_of_later_tasks(shop: Pipeline, task_id: str) -> None:
    from infra.orchestration.captured_tables import remember_tables, with_tables_of_run

    context: Any = {"ti": Xcoms(task_id)}
    remember_tables(context, (ITEMS,))

    assert with_tables_of_run(shop, context).captured == (ITEMS,)


def test_tables_that_no_preflight_found_are_an_error(shop: Pipeline) -> None:
    from infra.orchestration.captured_tables import with_tables_of_run

    context: Any = {"ti": Xcoms()}
    with pytest.raises(DefinitionError) as caught:
        with_tables_of_run(shop, context)
    assert str(caught.value) == (
        "pipeline shop: the tables of this run are not known. Clear the task preflight_cdc or preflight_reload, which "
        "finds them."
    )


def test_other_pipelines_stay_as_they_are() -> None:
    from infra.orchestration.captured_tables import with_tables_of_run

    pipeline = load_pipeline(ROOT / "flink_jobs" / "olympics")
    context: Any = {"ti": Xcoms()}
    assert with_tables_of_run(pipeline, context) is pipeline
