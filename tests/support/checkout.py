"""A checkout of the project for a test that adds pipelines to it."""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.settings import ROOT

_FOLDERS = ("dags", "infra", "flink_jobs")


def copy_checkout(root: Path, **definitions: str) -> Path:
    """Copy code and pipelines to a folder, add a pipeline for each definition, and return the folder."""
    for folder in _FOLDERS:
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, definition in definitions.items():
        pipeline = root / "flink_jobs" / name
        pipeline.mkdir()
        (pipeline / "pipeline.yaml").write_text(definition, encoding="utf-8")
    return root
