"""Every command of the pages in a block marked `bash runnable` runs as written, on a deployed pipeline."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import ROOT
from infra.waiting import wait_until
from tests.local.olympics.conftest import Deployment

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]
BLOCK = re.compile(r"^```bash runnable\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(page, block) for page in PAGES for block in BLOCK.findall(page.read_text(encoding="utf-8"))]


def run(deployment: Deployment, script: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **deployment.stack.environ}
    command = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def reset_interrupt() -> None:
    """Undo what a shell does to a job in the background: it ignores Ctrl-C, and so do the job's children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_readme_has_runnable_blocks() -> None:
    assert ROOT / "README.md" in [page for page, _ in BLOCKS]


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[page.name for page, _ in BLOCKS])
def test_block_runs_as_written(seeded: Deployment, page: Path, block: str) -> None:
    result = run(seeded, block)

    assert result.returncode == 0, f"{page}:\n{block}\n{result.stdout}{result.stderr}"


def test_watch_shows_each_change_until_it_is_interrupted(seeded: Deployment, tmp_path: Path) -> None:
    shown = tmp_path / "watch.txt"
    environment = {**os.environ, **seeded.stack.environ, "PYTHONUNBUFFERED": "1"}
    with shown.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra", "watch"],
            cwd=ROOT,
            env=environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
            preexec_fn=reset_interrupt,  # noqa: PLW1509, no thread of ours runs at this point
        )
        try:
            wait_until(lambda: "Josef (8)" in shown.read_text(), "the first tables", 60)
            seeded.execute("UPDATE players SET score = 77 WHERE name = 'Max'")
            wait_until(lambda: "Max (77)" in shown.read_text(), "the changed table", 60)
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(30)
    assert code == 130
    assert "Traceback" not in shown.read_text()


def test_sql_shows_no_password(seeded: Deployment) -> None:
    result = run(seeded, "echo 'SELECT COUNT(*) AS athletes FROM players' | make --silent sql 2>&1")

    assert result.returncode == 0, result.stdout
    assert "athletes" in result.stdout
