"""The first steps of a daily reload: only the latest day, and the wait for its file."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pendulum
import pytest

from infra.errors import DataFileError
from infra.orchestration import daily_file
from infra.orchestration.daily_file import DailyFileTrigger, missing_for_load

if TYPE_CHECKING:
    from airflow.sdk import DAG


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that was delivered an hour ago."""
    path = tmp_path / "2026-02-06.csv"
    deliver(path, "name\nAlex\n")
    return path


def deliver(path: Path, content: str, age_seconds: float = 3600) -> None:
    path.write_text(content)
    os.utime(path, (time.time() - age_seconds,) * 2)


def fired(path: Path, timeout_seconds: float) -> dict[str, Any]:
    """Return the event of the trigger, after its way through the triggerer's database."""
    _, arguments = DailyFileTrigger(str(path), timeout_seconds).serialize()

    async def first() -> dict[str, Any]:
        async for event in DailyFileTrigger(**arguments).run():
            return dict(event.payload)
        raise AssertionError("the trigger did not fire")

    return asyncio.run(first())


def test_complete_file_is_loaded(file: Path) -> None:
    assert fired(file, 60) == {"detail": f"{file}: complete"}


@pytest.mark.parametrize(
    ("content", "age", "missing"),
    [
        (None, 0, "it does not exist"),
        ("", 3600, "it is empty"),
        ("name\nAlex\n", 0, "it is still being written"),
        ("name\nAl", 0, "it is still being written"),
    ],
)
def test_file_that_is_not_complete_in_time(tmp_path: Path, content: str | None, age: float, missing: str) -> None:
    path = tmp_path / "2026-02-06.csv"
    if content is not None:
        deliver(path, content, age)

    assert missing_for_load(path) == missing
    assert fired(path, 0) == {
        "error": "DataFileError",
        "detail": f"{path}: {missing} after 0 s. Expected the file of the day. Deliver it and clear this task, or set "
        "daily_wait or daily_at in pipeline.yaml.",
    }


def test_wait_ends_when_the_file_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily_file, "POLL_SECONDS", 0.01)
    path = tmp_path / "2026-02-06.csv"

    async def waited() -> dict[str, Any]:
        events = DailyFileTrigger(str(path), 60).run()
        waiting = asyncio.ensure_future(anext(events))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        deliver(path, "name\nAlex\n")
        return dict((await waiting).payload)

    assert asyncio.run(waited()) == {"detail": f"{path}: complete"}


def test_file_without_a_last_line_break_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "2026-02-06.csv"
    deliver(path, "name\nAlex\nPet")

    with pytest.raises(DataFileError, match="does not end with a line break, so it may be cut off"):
        missing_for_load(path)
    assert fired(path, 60)["error"] == "DataFileError"


@pytest.mark.parametrize(
    ("run_type", "days_ago", "force", "goes_on"),
    [
        ("scheduled", 1, False, True),
        ("scheduled", 2, False, False),
        ("backfill", 2, False, False),
        ("backfill", 2, True, True),
        ("manual", 2, False, True),
    ],
)
def test_only_the_latest_day_goes_on(reload: DAG, run_type: str, days_ago: int, force: bool, goes_on: bool) -> None:
    day = pendulum.today("UTC").subtract(days=days_ago)
    run = SimpleNamespace(
        run_type=run_type, logical_date=day, run_after=day, data_interval_start=day, data_interval_end=day.add(days=1)
    )
    task: Any = reload.get_task("only_latest_day")

    chosen = task.choose_branch({"dag_run": run, "params": {"force": force}})
    assert list(chosen) == (["wait_for_file"] if goes_on else [])
