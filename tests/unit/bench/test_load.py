"""infra/bench/load.py: the table is loaded once, and again only after a part whose results were not verified."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.bench import load
from infra.bench.load import LoadedTable
from infra.errors import CheckFailedError
from infra.jobs.job import JobState

PIPELINE: Any = SimpleNamespace(name="p", jobs=["cdc", "sql"])


class Stack:
    """What a loaded table does to a stack, as words."""

    def __init__(self) -> None:
        self.actions: list[str] = []
        self.running = False
        self.equal = True

    def await_equal(self, *_: object) -> None:
        self.actions.append("compare")
        if not self.equal:
            raise CheckFailedError("results differ")

    def start(self, *_: object) -> None:
        self.actions.append("start")
        self.running = True

    def stop(self, *_: object) -> None:
        self.actions.append("stop")
        self.running = False

    def status(self, job: str) -> Any:
        return SimpleNamespace(state=JobState.RUNNING if self.running else JobState.MISSING, revision=f"{job}-1")


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    found = Stack()
    for name in ("await_equal", "start", "stop"):
        monkeypatch.setattr(load, name, getattr(found, name))
    monkeypatch.setattr(load, "prepare", lambda *_: found.actions.append("load"))
    monkeypatch.setattr(load, "write_data_file", lambda *_: None)
    monkeypatch.setattr(load, "render", lambda _, __, job: SimpleNamespace(name=job, revision=f"{job}-1"))
    monkeypatch.setattr(load, "local_target", lambda _: found)
    return found


@pytest.fixture
def table() -> LoadedTable:
    settings: Any = None
    return LoadedTable(settings, PIPELINE, 1_000, Path())


def test_second_use_continues_with_the_verified_first_one(stack: Stack, table: LoadedTable) -> None:
    with table.used():
        stack.actions.append("first")
    with table.used():
        stack.actions.append("second")

    assert stack.actions == ["stop", "load", "start", "compare", "first", "compare", "second", "compare"]


def test_jobs_that_run_are_not_started_again(stack: Stack, table: LoadedTable) -> None:
    stack.running = True
    with table.used():
        pass

    assert stack.actions == ["load", "compare", "compare"]


def test_table_is_loaded_again_after_wrong_results(stack: Stack, table: LoadedTable) -> None:
    with pytest.raises(CheckFailedError), table.used():
        stack.equal = False
    stack.equal, stack.running = True, False
    stack.actions.clear()
    with table.used():
        pass

    assert stack.actions == ["stop", "load", "start", "compare", "compare"]
