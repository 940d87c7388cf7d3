"""The setting that a session cluster's job without memory names, and when its TaskManager has ended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from infra.flink.rest import FlinkRest
from infra.settings import load_settings
from infra.targets.local import local_target
from infra.targets.session import SessionTarget, session_target

JOB = {"jid": "f00", "name": "games.cdc", "state": "RESTARTING", "start-time": 1_000}
LOST = {"timestamp": 5_000, "stacktrace": "TaskManager with id 127.0.0.1:38621-9decd5 is no longer reachable."}
WORKERS = [{"memoryConfiguration": {"totalProcessMemory": 1728 * 2**20}}]
ENDED = "its TaskManager ended because the heap was full. All jobs share "
LOCAL = "Raise it in settings.local.toml, or with OLYMPIC_STREAMING_FLINK_TASKMANAGER_MEMORY_MB, and deploy again"
SESSION = "Raise it, with Docker Compose as TASKMANAGER_MEMORY, and deploy again"


class Cluster:
    """The responses of a cluster whose job has lost its TaskManager at 5 s."""

    def __init__(self) -> None:
        self.workers: list[dict[str, Any]] = WORKERS

    def fetch(self, path: str) -> dict[str, Any] | None:
        responses: dict[str, dict[str, Any]] = {
            "/jobs/overview": {"jobs": [JOB]},
            "/taskmanagers": {"taskmanagers": self.workers},
            "/jobs/f00/exceptions": {"exceptionHistory": {"entries": [LOST]}},
        }
        return responses.get(path)


def targets(folder: Path) -> dict[str, SessionTarget]:
    environ = {"OLYMPIC_STREAMING_DATA_DIR": str(folder), "OLYMPIC_STREAMING_SESSION_DIR": str(folder / "flink")}
    settings = load_settings(environ)
    return {"local": local_target(settings), "session": session_target(settings)}


@pytest.mark.parametrize(
    ("name", "setting", "fix"),
    [
        ("local", "taskmanager_memory_mb of [flink]", LOCAL),
        ("session", "taskmanager.memory.process.size", SESSION),
    ],
)
def test_job_without_memory_names_the_setting_and_its_last_known_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, setting: str, fix: str
) -> None:
    target, cluster = targets(tmp_path)[name], Cluster()
    monkeypatch.setattr(target, "_rest", FlinkRest("flink", fetch=cluster.fetch))
    assert target.status("games.cdc").out_of_memory is None

    file = tmp_path / "flink" / "out-of-memory"
    file.parent.mkdir()
    file.touch()
    os.utime(file, (4, 4))
    cluster.workers = []

    assert target.status("games.cdc").out_of_memory == f"{ENDED}{setting}, which is 1728 MiB. {fix}"


def test_value_that_was_never_seen_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, cluster = targets(tmp_path)["session"], Cluster()
    cluster.workers = []
    monkeypatch.setattr(target, "_rest", FlinkRest("flink", fetch=cluster.fetch))
    file = tmp_path / "flink" / "out-of-memory"
    file.parent.mkdir()
    file.touch()
    os.utime(file, (4, 4))

    assert target.status("games.cdc").out_of_memory == f"{ENDED}taskmanager.memory.process.size. {SESSION}"
