"""A small pipeline for the checks, without services."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.pipeline import Pipeline, load_pipeline

DEFINITION = """\
name: games
description: Players and their totals
topics:
  games.players: {partitions: 2, cleanup_policy: compact}
  games.totals: {partitions: 1, cleanup_policy: compact}
  games.quarantine: {partitions: 1, cleanup_policy: delete}
source:
  mysql: {database: games, table: players, seed: {schema: schema.sql, data: players.csv}}
jobs:
  cdc: {script: cdc.py, uses: [kafka, mysql], writes: [games.players, games.totals, games.quarantine]}
quarantine: games.quarantine
checks:
  games.players: {key: [id], expect: players.sql}
  games.totals: {key: [nationality], expect: totals.sql}
audit: {topic: games.players, query: audit.sql}
"""
# A pipeline with one checked topic, and a place for its key.
ONE_TOPIC = """\
name: games
description: Players
topics: {games.players: {partitions: 1, cleanup_policy: compact}}
source: {mysql: {database: games, table: players, seed: {schema: schema.sql, data: players.csv}}}
jobs: {cdc: {script: cdc.py, writes: [games.players]}}
checks: {games.players: {key: %s, expect: players.sql}}
"""
FILES = {
    "schema.sql": "CREATE TABLE players (id INT PRIMARY KEY, nationality VARCHAR(20) NOT NULL, score INT NOT NULL)",
    "players.csv": "",
    "cdc.py": "",
    "players.sql": "SELECT id, nationality, score FROM players",
    "totals.sql": "SELECT nationality, SUM(score) AS total, AVG(score) AS average FROM players GROUP BY nationality",
    "audit.sql": "SELECT source_partition, source_offset, NULL AS position, CASE WHEN message_value IS NOT NULL THEN "
    "'counted' END AS disposition, 'has no value' AS explanation FROM records",
}


@pytest.fixture
def make_pipeline(tmp_path: Path) -> Callable[..., Pipeline]:
    """Return a function that loads the pipeline, with some of its files replaced."""

    def make(definition: str = DEFINITION, **files: str) -> Pipeline:
        folder = tmp_path / "games"
        folder.mkdir(exist_ok=True)
        replaced = {name.replace("_sql", ".sql"): content for name, content in files.items()}
        for name, content in {**FILES, **replaced, "pipeline.yaml": definition}.items():
            (folder / name).write_text(content, encoding="utf-8")
        return load_pipeline(folder)

    return make


@pytest.fixture
def pipeline(make_pipeline: Callable[..., Pipeline]) -> Pipeline:
    """The pipeline `games`."""
    return make_pipeline()
