"""The record of the tables that the platform may seed, in their own database: the table `olympic_streaming_tables`.

A table that is not in it belongs to another application. Only a CREATE TABLE of `ensure_schema`, or the param
`adopt_table` of a deployment, adds a table.
"""

# ruff: noqa: S608 -- the name of the record is a constant

from __future__ import annotations

import MySQLdb

from infra.endpoints import MySqlEndpoint
from infra.mysql.connection import Connection, connect, fetch_rows

RECORD = "olympic_streaming_tables"
_NO_SUCH_TABLE = 1146
_DEFINITION = f"""
    CREATE TABLE IF NOT EXISTS {RECORD} (
        table_name VARCHAR(64) NOT NULL PRIMARY KEY,
        pipeline VARCHAR(64) NOT NULL,
        recorded_at DATETIME NOT NULL
    ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"""
_REPLACE = f"REPLACE INTO {RECORD} VALUES (%s, %s, UTC_TIMESTAMP())"


def why_foreign(connection: Connection, table: str, pipeline: str) -> str | None:
    """Return why the pipeline may not seed an existing table, as the end of a sentence; None if it may."""
    try:
        rows = fetch_rows(connection, f"SELECT pipeline FROM {RECORD} WHERE table_name = %s", [table])
    except MySQLdb.ProgrammingError as error:
        if error.args[0] != _NO_SUCH_TABLE:
            raise
        rows = []
    if rows == [(pipeline,)]:
        return None
    return f"belongs to the pipeline {rows[0][0]!r}" if rows else "was not created by the platform"


def record_table(endpoint: MySqlEndpoint, table: str, pipeline: str) -> None:
    """Record that the pipeline may seed the table. It must be able to create a table in the database."""
    with connect(endpoint) as connection:
        with connection.cursor() as cursor:
            cursor.execute(_DEFINITION)
            cursor.execute(_REPLACE, [table, pipeline])
        connection.commit()


def forget_table(endpoint: MySqlEndpoint, table: str) -> None:
    """Remove a table from the record."""
    with connect(endpoint) as connection:
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {RECORD} WHERE table_name = %s", [table])
        connection.commit()
