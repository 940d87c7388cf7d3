"""The data file that a user names: allowed folders, links, and templates with dates and params only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.sdk.execution_time import macros

from infra.errors import DataFileError
from infra.orchestration.data_files import checked_file, render_data_file
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import ROOT

DAY = pendulum.datetime(2026, 2, 6, 3)


class Secret:
    """Stands for the rest of Airflow's context: it must not even be looked at."""

    def __getattr__(self, name: str) -> str:
        raise AssertionError(f"{name} was read")


CONTEXT: Any = {
    "ds": "2026-02-06",
    "ds_nodash": "20260206",
    "ts": "2026-02-06T03:00:00+00:00",
    "logical_date": DAY,
    "data_interval_start": DAY.subtract(days=1),
    "data_interval_end": DAY,
    "macros": macros,
    "params": {"country": "at"},
    **{name: Secret() for name in ("conn", "var", "ti", "task", "dag", "dag_run", "inlets", "task_instance", "conf")},
}


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setenv("OLYMPIC_STREAMING_DATA_FILES_ROOTS", f"imports:{tmp_path / 'incoming'}")
    monkeypatch.setenv("OLYMPIC_STREAMING_DATA_DIR", str(tmp_path / "data"))
    return load_pipeline(ROOT / "flink_jobs" / "olympics")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("data/daily/{{ ds }}.csv", "data/daily/2026-02-06.csv"),
        ("{{ ds_nodash }}-{{ ts }}", "20260206-2026-02-06T03:00:00+00:00"),
        ("{{ data_interval_start.strftime('%Y/%m/%d') }}.csv", "2026/02/05.csv"),
        ("{{ logical_date.subtract(days=2).to_date_string() }}", "2026-02-04"),
        ("{{ macros.ds_add(ds, -1) }}", "2026-02-05"),
        ("{{ params.country }}/{{ ds }}.csv", "at/2026-02-06.csv"),
        ("data/players.csv", "data/players.csv"),
    ],
)
def test_template_has_the_dates_and_params_of_the_run(template: str, expected: str) -> None:
    assert render_data_file(template, CONTEXT) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{ conn.mysql_default.password }}",
        "{{ var.value.token }}",
        "{{ ti.xcom_pull() }}",
        "{{ task.owner }}",
        "{{ dag_run.conf }}",
        "{{ macros.time.sleep(1) }}",
        "{{ macros.json }}",
        "{{ ds.__class__.__mro__ }}",
        "{{ macros.ds_add.__globals__ }}",
        "{{ macros.ds_add.__globals__['json'] }}",
        "{{ logical_date.__class__ }}",
        "{{ ''.__class__ }}",
        "{{ ''|attr('__class__') }}",
        "{% import 'os' as os %}{{ os }}",
        "{% include '/etc/passwd' %}",
        "{{ self.__init__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
    ],
)
def test_template_can_use_nothing_else(template: str) -> None:
    with pytest.raises(DataFileError) as caught:
        render_data_file(template, CONTEXT)

    assert str(caught.value).startswith(f"data_file {template!r}: ")


@pytest.mark.parametrize("template", ["{{ ds", "{% if %}", "{{ 1 / 0 }}", "{{ macros.ds_add('x', 1) }}"])
def test_invalid_template_is_named(template: str) -> None:
    with pytest.raises(DataFileError) as caught:
        render_data_file(template, CONTEXT)

    assert str(caught.value).endswith(" Expected a template with dates of the run, such as ds. Fix it.")


def test_run_without_a_logical_date_is_named() -> None:
    with pytest.raises(DataFileError) as caught:
        render_data_file("data/{{ ds }}.csv", {})

    assert str(caught.value) == (
        "data_file 'data/{{ ds }}.csv': 'ds' is undefined. Expected dates such as ds, or params, in a run with "
        "a logical date. Set the date, or name a file without a template."
    )


def test_files_of_the_pipeline_and_of_the_roots_are_allowed(pipeline: Pipeline, tmp_path: Path) -> None:
    assert checked_file(pipeline, "data/players.csv") == pipeline.folder / "data" / "players.csv"
    for folder in (tmp_path / "incoming", tmp_path / "data" / "imports"):
        assert checked_file(pipeline, f"{folder}/a/b.csv") == folder / "a" / "b.csv"


@pytest.mark.parametrize(
    "data_file",
    [
        "/proc/self/environ",
        "../../../../etc/passwd",
        "{tmp}/incoming/../secret.csv",
        "{tmp}/incomings/a.csv",
        "{tmp}/link/secret.csv",
    ],
)
def test_every_other_file_is_refused(pipeline: Pipeline, tmp_path: Path, data_file: str) -> None:
    (tmp_path / "secret.csv").write_text("id,name\n1,a secret\n")
    (tmp_path / "incoming").mkdir()
    data_file = data_file.format(tmp=tmp_path)

    with pytest.raises(DataFileError) as caught:
        checked_file(pipeline, data_file)

    assert str(caught.value) == (
        f"data_file {data_file!r}: is outside of the allowed folders. Expected a file below one of: {pipeline.folder}, "
        f"{tmp_path / 'data' / 'imports'}, {tmp_path / 'incoming'}. Move the file, or ask an administrator to add its "
        "folder to data_files.roots."
    )


def test_link_out_of_an_allowed_folder_is_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("id,name\n1,a secret\n")
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "players.csv").symlink_to(tmp_path / "secret.csv")
    (tmp_path / "incoming" / "folder").symlink_to("/proc/self")

    for name in ("players.csv", "folder/environ"):
        with pytest.raises(DataFileError, match="is outside of the allowed folders") as caught:
            checked_file(pipeline, f"{tmp_path}/incoming/{name}")
        assert "a secret" not in str(caught.value)
