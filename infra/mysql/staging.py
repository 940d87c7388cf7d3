"""A temporary table for the valid rows of a data file, in the database of the target table.

It belongs to one session: no other session sees it, it disappears with the connection, and with row-based logging
neither its rows nor its statements reach the binlog. In MySQL a statement can name a temporary table only once.
"""

# ruff: noqa: S608 -- names cannot be statement parameters; these come from the database itself, and are quoted

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import MySQLdb
from MySQLdb.cursors import Cursor, SSCursor

from infra.mysql.columns import Column
from infra.mysql.connection import Connection, quoted
from infra.mysql.data_file import Row, Value
from infra.progress import Progress

STAGING = "`__seed_rows`"
_UNSORTED = "`__seed_unsorted`"
_DUPLICATES = "`__seed_duplicates`"
_UNKNOWN_VARIABLE = 1193
_PLACE = "`__line` BIGINT NOT NULL, `__offset` BIGINT NOT NULL, `__size` BIGINT NOT NULL"
# Fewer round trips than the driver's 64 KiB, and below the smallest max_allowed_packet in use (1 MiB).
_STATEMENT_BYTES = 512 * 1024


def create_staging(connection: Connection, columns: Sequence[Column]) -> None:
    """Create an empty staging table, clustered by key and line, so that duplicates are adjacent and the join merges."""
    with connection.cursor() as cursor:
        for table, key in ((STAGING, f"{key_list(columns)}, `__line`"), (_UNSORTED, "`__line`")):
            cursor.execute(
                f"CREATE TEMPORARY TABLE {table} ({_PLACE}, {', '.join(_definition(column) for column in columns)}, "
                f"PRIMARY KEY ({key})) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4"
            )


def stage_rows(connection: Connection, columns: Sequence[Column], rows: Iterator[Row], progress: Progress) -> int:
    """Load the rows in batches and return their number; memory holds one batch.

    Rows after the first batch that is not in the order of the key are in a second table, until `sort_rows`: inserts at
    random places of an index that is larger than the server's buffer pool are ten times slower.
    The driver's executemany takes twice as long: it looks up for each value how to write it.
    """
    names = ", ".join(quoted(column.name) for column in columns)
    keys = [place for place, column in enumerate(columns) if column.in_key]
    table, highest, count = STAGING, None, 0
    with connection.cursor() as cursor:
        for batch in _batches(connection, rows):
            first, last = ([row.values[place] for place in keys] for row in (batch.first, batch.last))
            if highest is not None and first < highest:
                table = _UNSORTED
            highest = last
            insert = f"INSERT INTO {table} (`__line`, `__offset`, `__size`, {names}) VALUES "
            cursor.execute(insert.encode() + b",".join(batch.literals))
            connection.commit()
            count += len(batch.literals)
            progress.update(count, batch.last.offset + batch.last.size)
    return count


def sort_rows(connection: Connection, columns: Sequence[Column]) -> None:
    """Move the rows that were not in the order of the key to the staging table, in this order."""
    with connection.cursor() as cursor:
        _sort_whole_rows(cursor)
        cursor.execute(f"INSERT INTO {STAGING} SELECT * FROM {_UNSORTED} ORDER BY {key_list(columns)}, `__line`")
        cursor.execute(f"DROP TEMPORARY TABLE {_UNSORTED}")
    connection.commit()


def _sort_whole_rows(cursor: Cursor) -> None:
    """Make the server sort rows and not their positions: reading 5 million rows by position takes minutes."""
    try:
        cursor.execute("SET SESSION max_length_for_sort_data = 8388608")
    except MySQLdb.OperationalError as error:
        if error.args[0] != _UNKNOWN_VARIABLE:  # newer versions of MySQL always sort whole rows
            raise


@dataclass(frozen=True)
class _Batch:
    """The rows of one statement, as SQL; and the first and the last of them."""

    literals: list[bytes]
    first: Row
    last: Row


def _batches(connection: Connection, rows: Iterator[Row]) -> Iterator[_Batch]:
    """Yield the rows in batches that are as large as a statement can be."""
    literals: list[bytes] = []
    size = 0
    for row in rows:
        values = b",".join([_literal(connection, value) for value in row.values])
        if not literals:
            first = row
        literals.append(b"(%d,%d,%d,%b)" % (row.line, row.offset, row.size, values))
        size += len(literals[-1]) + 1
        if size >= _STATEMENT_BYTES:
            yield _Batch(literals, first, row)
            literals, size = [], 0
    if literals:
        yield _Batch(literals, first, row)


def _literal(connection: Connection, value: Value) -> bytes:
    if isinstance(value, int):
        return b"%d" % value
    return b"NULL" if value is None else connection.string_literal(value.encode())


def move_duplicates(connection: Connection, columns: Sequence[Column]) -> int:
    """Move every row with the key of an earlier line to the table of duplicates, and return their number.

    The server compares keys, using their own collation.
    """
    keys = key_list(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE {_DUPLICATES} ({_PLACE}, `__first` BIGINT NOT NULL, PRIMARY KEY (`__line`)) "
            "ENGINE = InnoDB"
        )
        first = f"MIN(`__line`) OVER (PARTITION BY {keys})"
        cursor.execute(
            f"INSERT INTO {_DUPLICATES} SELECT * FROM ("
            f"SELECT `__line`, `__offset`, `__size`, {first} AS `__first` FROM {STAGING}"
            ") AS numbered WHERE `__line` > `__first`"
        )
        count = int(cursor.rowcount)
        if count:
            cursor.execute(f"DELETE s FROM {STAGING} s JOIN {_DUPLICATES} d ON d.`__line` = s.`__line`")
    connection.commit()
    return count


def duplicates(connection: Connection) -> Iterator[tuple[int, int, int, int]]:
    """Yield the duplicates in the file's order as (line, line of the first row with this key, offset, size)."""
    with connection.cursor(SSCursor) as cursor:
        cursor.execute(f"SELECT `__line`, `__first`, `__offset`, `__size` FROM {_DUPLICATES} ORDER BY `__line`")
        while row := cursor.fetchone():
            yield row


def key_list(columns: Sequence[Column]) -> str:
    """Return the quoted names of the key columns, separated by commas."""
    return ", ".join(quoted(column.name) for column in columns if column.in_key)


def _definition(column: Column) -> str:
    collation = f" COLLATE {column.collation}" if column.collation else ""
    return f"{quoted(column.name)} {column.type}{collation} {'NULL' if column.nullable else 'NOT NULL'}"
