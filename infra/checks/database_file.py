"""The DuckDB database of one pipeline: a file that later checks go on with, in bounded memory.

A file of another version, or one that cannot be read, is built again. Two processes never share a file: the second one
uses a temporary file of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from infra.checks import strict_json
from infra.errors import SetupError, UnreachableError
from infra.pipeline.naming import TASK_LOGGER

MEMORY_MB = 192
THREADS = 1
# Stored documents are those of `strict_json`, so another version of it makes them invalid as well.
VERSION = f"1 {hashlib.sha256(inspect.getsource(strict_json).encode()).hexdigest()[:12]}"
log = logging.getLogger(TASK_LOGGER)

_TABLES = """
    CREATE SCHEMA IF NOT EXISTS platform;
    CREATE SCHEMA IF NOT EXISTS log;
    CREATE TABLE IF NOT EXISTS platform.version (version VARCHAR);
    CREATE TABLE IF NOT EXISTS platform.topics (
        topic VARCHAR, topic_id VARCHAR, complete BOOLEAN, read_at DOUBLE, pruned_quarantined BIGINT
    );
    CREATE TABLE IF NOT EXISTS platform.positions (topic VARCHAR, number INTEGER, next_offset BIGINT);
"""


@contextmanager
def check_database(
    work_dir: Path | None, name: str, memory_mb: int, layout: str = ""
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield the database `<work_dir>/<name>.duckdb`, or a temporary one without `work_dir` or if that file is in use.

    A file with another `layout` is built again.

    SetupError if it needs more than `memory_mb`, and UnreachableError on any other error of the database, from within
    the block; the file is then deleted, so that the next check builds it again.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(_exclusive(work_dir, name)) if work_dir else None
        if folder is None:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="checks-")))
        file = folder / f"{name}.duckdb"
        try:
            connection = _open(file, memory_mb, f"{VERSION} {layout}".rstrip())
            try:
                yield connection
            finally:
                connection.close()
        except duckdb.OutOfMemoryException as error:
            raise SetupError(
                f"{file}: {memory_mb} MB of memory, or the disk below it, are not enough: {error}. "
                "Raise checks.memory_mb, or free disk space."
            ) from error
        except duckdb.Error as error:
            _delete(file)
            raise UnreachableError(f"{file}: {error}. The file was deleted, and the next check builds it again.") from (
                error
            )
        finally:
            shutil.rmtree(_spill(file), ignore_errors=True)


@contextmanager
def _exclusive(work_dir: Path, name: str) -> Iterator[Path | None]:
    """Yield the folder while no other process can use the file in it, or None if another process uses it now."""
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        opened = (work_dir / f"{name}.lock").open("w")
    except OSError as error:
        log.warning("checks: %s cannot be used, so nothing is kept for the next check: %s", work_dir, error)
        yield None
        return
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("checks: another check uses %s, so this one reads the topics from the beginning", work_dir / name)
            yield None
        else:
            yield work_dir


def _open(file: Path, memory_mb: int, version: str) -> duckdb.DuckDBPyConnection:
    is_new = not file.exists()
    try:
        connection = _connect(file, memory_mb)
        found = connection.execute("SELECT version FROM platform.version").fetchall()
        if found == [(version,)]:
            return connection
        connection.close()
        reason = f"has version {found}, not {version!r}"
    except duckdb.Error as error:
        reason = str(error)
    if not is_new:
        log.warning("checks: %s cannot be used and is built again: %s", file, reason)
    _delete(file)
    connection = _connect(file, memory_mb)
    connection.execute("INSERT INTO platform.version VALUES (?)", [version])
    return connection


def _connect(file: Path, memory_mb: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        str(file),
        config={
            # The SQL of a pipeline can read the tables, but no files of this machine.
            "enable_external_access": "false",
            "default_null_order": "nulls_first",  # as in MySQL
            "memory_limit": f"{memory_mb}MB",
            "preserve_insertion_order": "false",
            "temp_directory": str(_spill(file)),
            "threads": str(THREADS),
        },
    )
    try:
        connection.execute(_TABLES)
    except duckdb.Error:
        connection.close()
        raise
    return connection


def _delete(file: Path) -> None:
    for path in (file, file.with_name(f"{file.name}.wal")):
        path.unlink(missing_ok=True)


def _spill(file: Path) -> Path:
    return file.with_name(f"{file.stem}.spill")
