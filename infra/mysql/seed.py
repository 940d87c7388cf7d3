"""Seeding: make a table equal to a data file by changing only the rows that differ.

A changelog reader gets an event for each changed row, so seeding an unchanged file again must not change any.
"""

# ruff: noqa: S608 -- names cannot be statement parameters; these come from the database itself, and are quoted

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import MySQLdb

from infra.endpoints import MySqlEndpoint
from infra.errors import DataFileError, SchemaError, WaitTimeoutError
from infra.mysql.columns import Column, describe_columns, has_other_unique_keys
from infra.mysql.connection import LOCK_WAIT_SECONDS, Connection, connect, fetch_rows, quoted
from infra.mysql.data_file import Reject, Row, read_raw, read_rows
from infra.mysql.rejects import Rejects, write_rejects
from infra.mysql.staging import STAGING, create_staging, duplicates, move_duplicates, sort_rows, stage_rows
from infra.plan import Action, PlannedChange
from infra.progress import Progress, Report, heartbeat, silent

_CHECK_VIOLATED = {3819, 4025}  # of MySQL and of MariaDB, which the driver does not regard as errors of integrity


@dataclass(frozen=True)
class SeedPlan:
    """What a seed would change: numbers of rows, of the `rows` that the table has."""

    rows: int
    inserted: int
    updated: int
    deleted: int

    @property
    def changes(self) -> int:
        """The number of rows that would change."""
        return self.inserted + self.updated + self.deleted

    def __str__(self) -> str:
        return (
            f"insert {self.inserted:,}, update {self.updated:,} and delete {self.deleted:,} of the {self.rows:,} rows"
        )


@dataclass(frozen=True)
class SeedReport:
    """Numbers of rows by result, and the duration in seconds."""

    inserted: int
    updated: int
    deleted: int
    unchanged: int
    rejected: int
    seconds: float = field(default=0.0, compare=False)

    @property
    def changed(self) -> bool:
        """True if the seed changed any row."""
        return bool(self.inserted or self.updated or self.deleted)

    def __str__(self) -> str:
        if self.changed or self.rejected:
            return (
                f"inserted {self.inserted}, updated {self.updated}, deleted {self.deleted}, "
                f"unchanged {self.unchanged}, rejected {self.rejected}"
            )
        return f"unchanged: {self.unchanged} rows"


def seed_table(
    endpoint: MySqlEndpoint,
    table: str,
    data_file: Path,
    rejects_file: Path,
    allow_rejects: bool = False,
    report: Report = silent,
    max_deleted_percent: int = 100,
    foreign: str | None = None,
) -> SeedReport:
    """Make the table equal to the valid rows of the file, in one transaction; `rejects_file` lists the other rows.

    With `allow_rejects` a rejected row is treated as missing from the file, so that it is deleted from the table.
    Memory does not depend on the size of the file. `report` gets the progress of a seed that takes longer, and what
    it will change in a table that has rows.
    Nothing is changed if the seed raises: DataFileError if the file is invalid or, without `allow_rejects`, has
    rejected rows, or if more than `max_deleted_percent` of the table's rows would be deleted; SchemaError with the
    numbers of rows if `foreign` says why the pipeline may not seed the table; WaitTimeoutError if a lock could not be
    acquired in time.
    """
    started = time.monotonic()
    with connect(endpoint) as connection:
        columns = describe_columns(connection, table)
        create_staging(connection, columns)
        with write_rejects(rejects_file) as rejects:
            staged = _stage(connection, columns, data_file, rejects, report)
        if rejects.count and not allow_rejects:
            raise _rejected(data_file, rejects, rejects_file)
        _check_owned(connection, table, columns, staged, foreign)
        try:
            with heartbeat(report, f"comparing {staged:,} rows with table {table}, and changing those that differ"):
                plan = SeedPlan(0, staged, 0, 0)
                if _lock(connection, table):  # an empty table has nothing to compare, and nothing to lose
                    plan = _plan(connection, table, columns, staged)
                    _check_deletions(plan, table, data_file, max_deleted_percent)
                    if plan.changes:
                        report(f"table {table}: about to {plan}")
                inserted, updated, deleted = _apply(connection, table, columns) if plan.changes else (0, 0, 0)
        except (MySQLdb.IntegrityError, MySQLdb.OperationalError) as error:
            if isinstance(error, MySQLdb.OperationalError) and error.args[0] not in _CHECK_VIOLATED:
                raise
            raise DataFileError(
                f"{data_file}: table {table!r} rejected the rows: {error.args[1]}. Nothing was changed. "
                "Fix the rows that violate this constraint."
            ) from error
    return SeedReport(
        inserted, updated, deleted, staged - inserted - updated, rejects.count, time.monotonic() - started
    )


def preview_seed(
    endpoint: MySqlEndpoint,
    table: str,
    data_file: Path,
    allow_rejects: bool = False,
    report: Report = silent,
    max_deleted_percent: int = 100,
    foreign: str | None = None,
) -> PlannedChange:
    """Return what `seed_table` would change in an existing table, without a lock and a rejects file; errors as there.

    The rows of the file are in a temporary table of this session meanwhile. Constraints of the table other than its
    primary key are not checked.
    """
    with connect(endpoint) as connection, TemporaryDirectory() as folder:
        columns = describe_columns(connection, table)
        create_staging(connection, columns)
        with write_rejects(Path(folder) / "rejects.csv") as rejects:
            staged = _stage(connection, columns, data_file, rejects, report)
        if rejects.count and not allow_rejects:
            raise _rejected(data_file, rejects, None)
        _check_owned(connection, table, columns, staged, foreign)
        plan = _plan(connection, table, columns, staged)
        _check_deletions(plan, table, data_file, max_deleted_percent)
    rejected = (f"rejected rows of {data_file.name}: {rejects.count:,}",) if rejects.count else ()
    action = Action.CHANGE if plan.changes else Action.UNCHANGED
    return PlannedChange("rows", table, action, str(plan) if plan.changes else f"{plan.rows:,} rows", rejected)


def _stage(connection: Connection, columns: Sequence[Column], data_file: Path, rejects: Rejects, report: Report) -> int:
    """Load the file's valid rows into the staging table, and return their number without duplicates."""

    def valid_rows() -> Iterator[Row]:
        for row in read_rows(data_file, columns):
            if isinstance(row, Reject):
                rejects.add(row)
            else:
                yield row

    total = data_file.stat().st_size if data_file.is_file() else None  # the reader reports a file that is missing
    progress = Progress(report, f"reading {data_file.name}", total=total)
    staged = stage_rows(connection, columns, valid_rows(), progress)
    with heartbeat(report, f"sorting {staged:,} rows, and looking for duplicates"):
        sort_rows(connection, columns)
        moved = move_duplicates(connection, columns)
    keys = ", ".join(column.name for column in columns if column.in_key)
    for line, first, offset, size in duplicates(connection):
        rejects.add(Reject(line, f"duplicate {keys}: first used in line {first}", read_raw(data_file, offset, size)))
    return staged - moved


def _check_owned(
    connection: Connection, table: str, columns: Sequence[Column], staged: int, foreign: str | None
) -> None:
    """Raise SchemaError with the numbers of rows if the pipeline may not seed the table."""
    if foreign:
        raise _foreign(table, foreign, _plan(connection, table, columns, staged))


def _rejected(data_file: Path, rejects: Rejects, rejects_file: Path | None) -> DataFileError:
    first = "".join(f"\n  line {reject.line}: {reject.reason}" for reject in rejects.first)
    rows = "1 row was" if rejects.count == 1 else f"{rejects.count} rows were"
    where = f"All of them are in {rejects_file}. " if rejects_file else ""
    return DataFileError(
        f"{data_file}: {rows} rejected, so nothing was loaded:{first}\n"
        f"{where}Fix the data file, or load only the valid rows with allow_rejects."
    )


def _foreign(table: str, reason: str, plan: SeedPlan) -> SchemaError:
    return SchemaError(
        f"table {table!r} {reason}, so it is not seeded. A seed would {plan}. Nothing was changed. Remove seed from "
        "the source to only read the table, choose another table, or allow it once with adopt_table."
    )


def _plan(connection: Connection, table: str, columns: Sequence[Column], staged: int) -> SeedPlan:
    """Return what the staged rows would change; without a lock, it is what they would change now."""
    differs = _differs(columns) or "FALSE"
    query = (
        "SELECT COUNT(*), COUNT(s.`__line`), "
        f"COUNT(CASE WHEN s.`__line` IS NOT NULL AND ({differs}) THEN 1 END) "
        f"FROM {quoted(table)} t LEFT JOIN {STAGING} s ON {_all_equal(columns)}"
    )
    rows, common, updated = fetch_rows(connection, query)[0]
    return SeedPlan(rows, staged - common, updated, rows - common)


def _check_deletions(plan: SeedPlan, table: str, data_file: Path, max_percent: int) -> None:
    """Raise DataFileError if the seed would delete more than `max_percent` of the table's rows."""
    if plan.deleted * 100 > plan.rows * max_percent:
        raise DataFileError(
            f"{data_file}: {plan.deleted:,} of the {plan.rows:,} rows of table {table!r} are missing, and would be "
            f"deleted. Expected at most {max_percent} % (max_deleted_percent). Nothing was changed. Complete the "
            "file, or confirm the deletion with allow_deletions."
        )


def _apply(connection: Connection, table: str, columns: Sequence[Column]) -> tuple[int, int, int]:
    """Delete, update and insert the rows that differ, and commit; return their numbers (inserted, updated, deleted).

    The table must be locked.
    """
    target, match = quoted(table), _all_equal(columns)
    differs = _differs(columns)
    replace = has_other_unique_keys(connection, table)
    with connection.cursor() as cursor:
        deleted = cursor.execute(f"DELETE t FROM {target} t LEFT JOIN {STAGING} s ON {match} WHERE s.`__line` IS NULL")
        updated = cursor.execute(_update(target, match, columns, replace)) if differs else 0
        names = ", ".join(quoted(column.name) for column in columns)
        staged_names = ", ".join(f"s.{quoted(column.name)}" for column in columns)
        absent = " AND ".join(f"t.{quoted(column.name)} IS NULL" for column in columns if column.in_key)
        inserted = cursor.execute(
            f"INSERT INTO {target} ({names}) "
            f"SELECT {staged_names} FROM {STAGING} s LEFT JOIN {target} t ON {match} WHERE {absent}"
        )
    connection.commit()
    return (inserted - updated if replace else inserted), updated, deleted


def _lock(connection: Connection, table: str) -> int:
    """Block every other writer until the transaction ends, but no readers; return the number of rows.

    WaitTimeoutError if another seed runs.

    Under REPEATABLE READ a locking scan of the primary key locks each row and each gap, including the one after the
    last row: inserts, updates and deletes wait until the commit, while plain reads (a snapshot of the CDC source) see
    the state before it. LOCK TABLES would block these reads too, and would wait for each of them. Gap locks do not
    exclude one another, so two seeds of an empty table would deadlock; a named lock admits one at a time.
    """
    named_lock = "SELECT GET_LOCK(LEFT(CONCAT('seed ', DATABASE(), '.', %s), 64), %s)"
    if fetch_rows(connection, named_lock, [table, LOCK_WAIT_SECONDS]) != [(1,)]:
        raise WaitTimeoutError(
            f"another seed of table {table!r} has been running for {LOCK_WAIT_SECONDS} s. Nothing was changed. "
            "Find it with SHOW PROCESSLIST, and retry when it has ended."
        )
    connection.commit()  # the isolation level applies from the next transaction on
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(f"SELECT COUNT(*) FROM {quoted(table)} FORCE INDEX (PRIMARY) FOR UPDATE")
        return int(cursor.fetchall()[0][0])


def _update(target: str, match: str, columns: Sequence[Column], replace: bool) -> str:
    """Return the statement for rows that differ.

    A unique key is checked row by row, so an UPDATE that swaps two of its values fails. In a table with such a key
    (`replace`), the statement deletes differing rows, and they are inserted again together with the missing ones.
    """
    if replace:
        return f"DELETE t FROM {target} t JOIN {STAGING} s ON {match} WHERE {_differs(columns)}"
    assignments = ", ".join(f"t.{quoted(column.name)} = s.{quoted(column.name)}" for column in _values(columns))
    return f"UPDATE {target} t JOIN {STAGING} s ON {match} SET {assignments} WHERE {_differs(columns)}"


def _values(columns: Sequence[Column]) -> list[Column]:
    """Return the columns in which two rows with equal keys can differ: equal text can have other bytes."""
    return [column for column in columns if column.is_text or not column.in_key]


def _differs(columns: Sequence[Column]) -> str:
    """Return the condition of a row that differs; empty if none can."""
    return " OR ".join(f"NOT ({_binary('t', column)} <=> {_binary('s', column)})" for column in _values(columns))


def _all_equal(columns: Sequence[Column]) -> str:
    return " AND ".join(f"t.{quoted(c.name)} = s.{quoted(c.name)}" for c in columns if c.in_key)


def _binary(alias: str, column: Column) -> str:
    """Return an expression that compares bytes; under most collations 'Alex' and 'alex ' are equal."""
    name = f"{alias}.{quoted(column.name)}"
    return f"CAST({name} AS BINARY)" if column.is_text else name
