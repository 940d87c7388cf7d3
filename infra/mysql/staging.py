"""A temporary table for the valid rows of a data file, in the database of the target table.

It belongs to one session: no other session sees it, it disappears with the connection, and with row-based logging
neither its rows nor its statements reach the binlog. In MySQL a statement can name a temporary table only once.
"""

# ruff: noqa: S608 -- names cannot be statement parameters; these come from the database itself, and are quoted

from __future__ import annotations

from collections.abc import Iterator, Sequence

from MySQLdb.cursors import SSCursor

from infra.mysql.columns import Column
from infra.mysql.connection import Connection, quoted
from infra.mysql.data_file import Row, Value
from infra.progress import Progress

STAGING = "`__seed_rows`"
_DUPLICATES = "`__seed_duplicates`"
_PLACE = "`__line` BIGINT NOT NULL, `__offset` BIGINT NOT NULL, `__size` BIGINT NOT NULL"
# Fewer round trips than the driver's 64 KiB, and below the smallest max_allowed_packet in use (1 MiB).
_STATEMENT_BYTES = 512 * 1024


def create_staging(connection: Connection, columns: Sequence[Column]) -> None:
    """Create an empty staging table, clustered by key and line, so that duplicates are adjacent and the join merges."""
    definitions = ", ".join(_definition(column) for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE {STAGING} ({_PLACE}, {definitions}, "
            f"PRIMARY KEY ({key_list(columns)}, `__line`)) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4"
        )


def stage_rows(connection: Connection, columns: Sequence[Column], rows: Iterator[Row], progress: Progress) -> int:
    """Load the rows in batches and return their number; memory holds one batch.

    The driver's executemany takes twice as long: it looks up how to write each value, and the server waits for it.
    """
    names = ", ".join(quoted(column.name) for column in columns)
    insert = f"INSERT INTO {STAGING} (`__line`, `__offset`, `__size`, {names}) VALUES ".encode()
    count = 0
    with connection.cursor() as cursor:
        for batch, last in _batches(connection, rows):
            cursor.execute(insert + b",".join(batch))
            connection.commit()
            count += len(batch)
            progress.update(count, last.offset + last.size)
    return count


def _batches(connection: Connection, rows: Iterator[Row]) -> Iterator[tuple[list[bytes], Row]]:
    """Yield rows as SQL, as many as one statement has, with the last of them."""
    batch: list[bytes] = []
    size = 0
    for row in rows:
        values = b",".join([_literal(connection, value) for value in row.values])
        batch.append(b"(%d,%d,%d,%b)" % (row.line, row.offset, row.size, values))
        size += len(batch[-1]) + 1
        if size >= _STATEMENT_BYTES:
            yield batch, row
            batch, size = [], 0
    if batch:
        yield batch, row


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
