"""Tables of other applications are not seeded, and a seed shows what it is about to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.endpoints import MySqlEndpoint
from infra.errors import DataFileError, SchemaError
from infra.mysql.connection import connect, fetch_rows
from infra.mysql.schema import ensure_schema
from infra.mysql.seed import SeedReport, seed_table
from infra.mysql.seeded_tables import record_table, why_foreign
from infra.mysql.snapshot import estimate_rows

SCHEMA_FILE = Path(__file__).parents[3] / "flink_jobs" / "olympics" / "schema.sql"
DATA = "id,name,nationality,score\n1,Alex,Austria,7\n2,Peter,US,3\n3,Josef,US,8\n"


def statements(endpoint: MySqlEndpoint, *texts: str) -> None:
    with connect(endpoint) as connection:
        with connection.cursor() as cursor:
            for text in texts:
                cursor.execute(text)
        connection.commit()


def rows_of(endpoint: MySqlEndpoint) -> list[tuple[object, ...]]:
    with connect(endpoint) as connection:
        return fetch_rows(connection, "SELECT * FROM players ORDER BY id")


def foreign_reason(endpoint: MySqlEndpoint, pipeline: str) -> str | None:
    with connect(endpoint) as connection:
        return why_foreign(connection, "players", pipeline)


def tables_of(endpoint: MySqlEndpoint) -> list[str]:
    with connect(endpoint) as connection:
        return [row[0] for row in fetch_rows(connection, "SHOW TABLES")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "players.csv"
    path.write_text(DATA)
    return path


@pytest.fixture
def foreign(owner: MySqlEndpoint) -> list[tuple[object, ...]]:
    """A table that another application created, with its rows."""
    created = SCHEMA_FILE.read_text(encoding="utf-8")
    statements(owner, created, "INSERT INTO players VALUES (2, 'Peter', 'US', 2), (7, 'Ann', 'Peru', 5)")
    return rows_of(owner)


def test_table_that_a_pipeline_creates_is_its_own(owner: MySqlEndpoint) -> None:
    ensure_schema(owner, SCHEMA_FILE, "players", "games")

    assert foreign_reason(owner, "games") is None
    assert foreign_reason(owner, "arena") == "belongs to the pipeline 'games'"


def test_rejected_schema_file_leaves_no_owner(owner: MySqlEndpoint, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sql"
    broken.write_text("CREATE TABLE IF NOT EXISTS players (id INTEGRE)")

    with pytest.raises(SchemaError, match="rejected by the server"):
        ensure_schema(owner, broken, "players", "games")

    assert foreign_reason(owner, "games") == "was not created by the platform"


def test_existing_table_stays_foreign(owner: MySqlEndpoint, foreign: list[tuple[object, ...]]) -> None:
    assert ensure_schema(owner, SCHEMA_FILE, "players", "games") == "unchanged"

    assert foreign_reason(owner, "games") == "was not created by the platform"
    assert (tables_of(owner), rows_of(owner)) == (["players"], foreign)


def test_seed_of_a_foreign_table_is_refused_with_what_it_would_change(
    owner: MySqlEndpoint, foreign: list[tuple[object, ...]], file: Path, tmp_path: Path
) -> None:
    with pytest.raises(SchemaError) as caught:
        seed_table(owner, "players", file, tmp_path / "rejects.csv", foreign=foreign_reason(owner, "games"))

    assert str(caught.value) == (
        "table 'players' was not created by the platform, so it is not seeded. A seed would insert 2, update 1 and "
        "delete 1 of the 2 rows. Nothing was changed. Remove seed from the source to only read the table, choose "
        "another table, or allow it once with adopt_table."
    )
    assert (tables_of(owner), rows_of(owner)) == (["players"], foreign)


@pytest.mark.usefixtures("foreign")
def test_adopted_table_is_seeded_from_then_on(owner: MySqlEndpoint, file: Path, tmp_path: Path) -> None:
    lines: list[str] = []

    report = seed_table(owner, "players", file, tmp_path / "rejects.csv", report=lines.append)
    record_table(owner, "players", "games")

    assert report == SeedReport(inserted=2, updated=1, deleted=1, unchanged=0, rejected=0)
    assert lines == ["table players: about to insert 2, update 1 and delete 1 of the 2 rows"]
    assert foreign_reason(owner, "games") is None


@pytest.mark.usefixtures("foreign")
def test_seed_that_deletes_too_many_rows_changes_nothing(owner: MySqlEndpoint, file: Path, tmp_path: Path) -> None:
    before = rows_of(owner)

    with pytest.raises(DataFileError, match=r"1 of the 2 rows of table 'players' are missing.*at most 49 %"):
        seed_table(owner, "players", file, tmp_path / "rejects.csv", max_deleted_percent=49)

    assert rows_of(owner) == before


def test_unchanged_table_is_not_announced(owner: MySqlEndpoint, file: Path, tmp_path: Path) -> None:
    ensure_schema(owner, SCHEMA_FILE, "players", "games")
    lines: list[str] = []

    for _ in range(2):
        report = seed_table(owner, "players", file, tmp_path / "rejects.csv", report=lines.append)

    assert (str(report), lines) == ("unchanged: 3 rows", [])


def test_rows_are_estimated_without_reading_them(owner: MySqlEndpoint, file: Path, tmp_path: Path) -> None:
    ensure_schema(owner, SCHEMA_FILE, "players", "games")
    seed_table(owner, "players", file, tmp_path / "rejects.csv")
    statements(owner, "ANALYZE TABLE players")

    with connect(owner) as connection:
        assert (estimate_rows(connection, "players"), estimate_rows(connection, "none")) == (3, 0)
