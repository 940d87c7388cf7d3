"""The task that checks the machine before anything is created."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.errors import SetupError
from infra.orchestration import tasks
from infra.settings import ROOT

FOLDER = str(ROOT / "flink_jobs" / "olympics")
SOURCE_TOPIC = str(ROOT / "flink_jobs" / "olympic_events")


@pytest.fixture(autouse=True)
def private_data_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OLYMPIC_STREAMING_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OLYMPIC_STREAMING_DATA_FILES_ROOTS", str(tmp_path))


def use_target(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    params = {"target": target, "allow_rejects": False}
    monkeypatch.setattr(tasks, "get_current_context", lambda: {"params": params})


def large_file(tmp_path: Path) -> str:
    path = tmp_path / "athletes.csv"
    path.write_text("id,name,nationality,score\n" + "1,x,y,2\n" * 200_000)
    return str(path)


def test_sample_data_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    use_target(monkeypatch, "local")

    lines = tasks.preflight_capacity.function(FOLDER, "")

    assert lines[0] == "players.csv, about 5 rows"
    assert [line.split(":")[0] for line in lines[1:]] == ["disk"]


def test_records_of_a_source_topic_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    use_target(monkeypatch, "local")

    assert tasks.preflight_capacity.function(SOURCE_TOPIC, "")[0].startswith("records.jsonl, about ")


def test_small_machine_is_reported_with_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_target(monkeypatch, "local")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6))

    with pytest.raises(SetupError, match=r"athletes\.csv: this machine is too small for about 200,000 rows"):
        tasks.preflight_capacity.function(FOLDER, large_file(tmp_path))

    assert not (tmp_path / "data").exists()


def test_other_targets_are_not_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_target(monkeypatch, "session")

    assert tasks.preflight_capacity.function(FOLDER, large_file(tmp_path)) == [
        "athletes.csv, about 200,000 rows",
        "not checked: the machines of the target session",
    ]


def test_missing_file_is_left_to_the_task_that_loads_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_target(monkeypatch, "local")

    assert tasks.preflight_capacity.function(FOLDER, str(tmp_path / "none.csv"))[0] == "none.csv, about 0 rows"
