"""A small valid pipeline; a test makes one part of it invalid."""

from __future__ import annotations

from pathlib import Path

import pytest

DEFINITION = """\
name: games
description: A pipeline
topics:
  games.players: {partitions: 2, cleanup_policy: compact}
  games.rejects: {partitions: 1, cleanup_policy: delete, retention: 30d}
source:
  mysql: {database: games, table: players, seed: {schema: schema.sql, data: players.csv}, server_ids: 10-12}
jobs:
  cdc: {script: cdc.py, files: [sql], uses: [kafka, mysql], writes: [games.players], parallelism: 2}
  totals: {script: totals.py, after: [cdc]}
checks:
  games.players: {key: [id], expect: players.sql}
results:
  - {title: Players, topic: games.players, columns: {Id: "{id}"}}
"""
FILES = ("schema.sql", "players.csv", "players.sql", "cdc.py", "totals.py", "sql/10_players.sql")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the small pipeline."""
    folder = tmp_path / "games"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / "pipeline.yaml").write_text(DEFINITION)
    return folder
