"""The newest job state, while a running job deletes its old checkpoints."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

from infra.settings import load_settings
from infra.targets.local import local_target


def test_newest_state_is_found_while_old_ones_are_deleted(tmp_path: Path) -> None:
    settings = load_settings({"OLYMPIC_STREAMING_DATA_DIR": str(tmp_path)})
    target, job = local_target(settings), tmp_path / "flink" / "checkpoints" / "games.cdc" / "run"
    newest = job / "chk-999999"
    newest.mkdir(parents=True)
    (newest / "_metadata").touch()
    os.utime(newest / "_metadata", (2e9, 2e9))
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.is_set():
            folder = job / f"chk-{number % 50}"
            folder.mkdir(exist_ok=True)
            (folder / "_metadata").touch()
            shutil.rmtree(job / f"chk-{(number + 25) % 50}", ignore_errors=True)
            number += 1

    writer = threading.Thread(target=churn)
    writer.start()
    try:
        found = {target.newest_state("games.cdc") for _ in range(500)}
    finally:
        stop.set()
        writer.join()
    assert found == {str(newest)}
    assert target.newest_state("games.other") is None
