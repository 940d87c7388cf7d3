"""The table of refusals: the inputs of a run that Airflow has, which are connections and params."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pendulum
import pytest

from infra.orchestration.captured_tables import with_tables_of_run
from infra.orchestration.connections import kafka_endpoint, mysql_endpoint
from infra.orchestration.daily_file import missing_for_load
from infra.orchestration.data_files import checked_file, render_data_file
from infra.pipeline import Pipeline, load_pipeline
from infra.refusals import Refusal
from tests.support.refusals import Given, Inputs, files_below, of_tier
from tests.unit.pipeline.conftest import DEFINITION, FILES

refused = Inputs()


@dataclass(frozen=True)
class Place:
    """A small pipeline, and a function that adds an Airflow connection."""

    folder: Path
    connect: Callable[..., None]
    pipeline: Pipeline = field(init=False)

    def __post_init__(self) -> None:
        for name in FILES:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text("")
        (self.folder / "pipeline.yaml").write_text(DEFINITION)
        object.__setattr__(self, "pipeline", load_pipeline(self.folder))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("OLYMPIC_STREAMING_DATA_FILES_ROOTS", str(tmp_path / "incoming"))

    def connect(connection_id: str, **values: object) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{connection_id.upper()}", json.dumps(values))

    return Place(tmp_path / "games", connect)


@pytest.mark.parametrize("refusal", of_tier("dags"), ids=lambda refusal: refusal.name)
def test_input_is_refused_with_its_message(refusal: Refusal, place: Place) -> None:
    refused.check(refusal, place, lambda: files_below(place.folder))


def test_every_row_of_the_tier_has_an_input() -> None:
    assert refused.names == sorted(refusal.name for refusal in of_tier("dags"))


@refused("connection-missing")
def _(place: Place) -> Given:
    return Given(lambda: mysql_endpoint(place.pipeline, "cdc"))


@refused("connection-without-password")
def _(place: Place) -> Given:
    place.connect("games_mysql", conn_type="mysql", host="db", login="games_owner")
    return Given(lambda: mysql_endpoint(place.pipeline, "owner"))


@refused("connection-without-broker")
def _(place: Place) -> Given:
    place.connect("games_kafka", conn_type="kafka")
    return Given(lambda: kafka_endpoint(place.pipeline))


@refused("data-file-elsewhere")
def _(place: Place) -> Given:
    allowed = f"{place.folder}, {place.folder.parent / 'incoming'}"
    return Given(lambda: checked_file(place.pipeline, "/etc/passwd"), {"folders": allowed})


def rendered(_: Place, template: str) -> Given:
    context: Any = {"ds": "2026-02-06", "logical_date": pendulum.datetime(2026, 2, 6), "params": {}}
    return Given(lambda: render_data_file(template, context))


for name, template in {
    "data-file-template-name": "daily/{{ conn.games.password }}.csv",
    "data-file-template-syntax": "daily/{{ ds }.csv",
}.items():
    refused(name)(partial(rendered, template=template))


@refused("tables-unknown")
def _(place: Place) -> Given:
    seeded = "table: players, seed: {schema: schema.sql, data: players.csv}"
    captured = 'tables: ["*"], topics: {prefix: shop., partitions: 1}'
    (place.folder / "pipeline.yaml").write_text(DEFINITION.replace(seeded, captured))

    class Nothing:
        def xcom_pull(self, **_: str) -> None:
            """Return what a run has in which the task did not run."""

    context: Any = {"ti": Nothing()}
    return Given(lambda: with_tables_of_run(load_pipeline(place.folder), context))


@refused("file-cut-off")
def _(place: Place) -> Given:
    path = place.folder / "day.csv"
    path.write_text("name,score\nAlex,7\nMax,")
    os.utime(path, (0, 0))  # complete, because it has not changed for long
    return Given(lambda: missing_for_load(path), {"file": path})
