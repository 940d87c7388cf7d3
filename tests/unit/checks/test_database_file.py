"""The file of a check's database: kept, built again, and never shared."""

from __future__ import annotations

import logging
from pathlib import Path

import duckdb
import pytest

from infra.checks import database_file
from infra.checks.database_file import check_database
from infra.errors import SetupError, UnreachableError
from infra.pipeline.naming import TASK_LOGGER


def count(folder: Path | None, layout: str = "") -> int:
    """Add a row to a table of the database, and return the number of rows."""
    with check_database(folder, "games", 128, layout) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (a INTEGER)")
        connection.execute("INSERT INTO kept VALUES (1)")
        return len(connection.execute("SELECT * FROM kept").fetchall())


def test_file_is_kept_and_its_folder_created(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "checks"

    assert [count(folder), count(folder)] == [1, 2]
    assert sorted(path.name for path in folder.iterdir()) == ["games.duckdb", "games.lock"]


def test_without_a_folder_nothing_is_kept() -> None:
    assert [count(None), count(None)] == [1, 1]


def test_folder_that_cannot_be_written_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")

    assert [count(tmp_path / "file"), count(tmp_path / "file")] == [1, 1]
    assert "cannot be used, so nothing is kept for the next check" in caplog.text


def test_second_check_at_the_same_time_uses_its_own_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, TASK_LOGGER), check_database(tmp_path, "games", 128):
        assert [count(tmp_path), count(tmp_path)] == [1, 1]

    assert {record.getMessage() for record in caplog.records} == {
        f"checks: another check uses {tmp_path}/games, so this one reads the topics from the beginning"
    }
    assert count(tmp_path) == 1


@pytest.mark.parametrize("content", [b"", b"not a database", b"x" * 20_000])
def test_corrupt_file_is_built_again(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "games.duckdb").write_bytes(content)

    assert [count(tmp_path), count(tmp_path)] == [1, 2]
    assert [record.getMessage()[: len(f"checks: {tmp_path}")] for record in caplog.records] == [f"checks: {tmp_path}"]


@pytest.mark.parametrize("changed", ["layout", "version"])
def test_file_of_another_version_is_built_again(
    tmp_path: Path, changed: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(tmp_path, "old")
    if changed == "version":
        monkeypatch.setattr(database_file, "VERSION", "2")

    assert count(tmp_path, "new" if changed == "layout" else "old") == 1
    assert "cannot be used and is built again: has version" in caplog.text


def test_error_of_the_database_deletes_the_file(tmp_path: Path) -> None:
    count(tmp_path)

    with pytest.raises(UnreachableError, match="The file was deleted"), check_database(tmp_path, "games", 128):
        raise duckdb.InternalException("broken")

    assert count(tmp_path) == 1


def test_lack_of_memory_names_the_setting(tmp_path: Path) -> None:
    with (
        pytest.raises(SetupError, match=r"Raise checks\.memory_mb, or free disk space\.$"),
        check_database(tmp_path, "games", 128),
    ):
        raise duckdb.OutOfMemoryException("failed to allocate")


def test_sql_cannot_read_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with check_database(tmp_path, "games", 128) as connection:
        for statement in (f"SELECT * FROM '{secret}'", f"COPY (SELECT 1) TO '{tmp_path}/out.csv'"):
            with pytest.raises(duckdb.PermissionException):
                connection.execute(statement)
        with pytest.raises(duckdb.Error):
            connection.execute("SET enable_external_access = true")
