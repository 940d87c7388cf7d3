"""What the binlog tells about changes that a CDC reader does not see."""

from __future__ import annotations

from MySQLdb.cursors import SSCursor

from infra.mysql.connection import Connection, fetch_rows

# The newest files, and events of each: a search of everything could take many minutes.
SEARCHED_FILES = 5
SEARCHED_EVENTS = 1_000_000
_COMPRESSED = "Transaction_payload"


def find_compressed_transaction(connection: Connection) -> str | None:
    """Return the position `<file>:<position>` of a compressed transaction in the newest binlogs; None if there is none.

    A session can set binlog_transaction_compression for itself, whatever the setting of the server is.
    Requires REPLICATION SLAVE and REPLICATION CLIENT.
    """
    files = [str(row[0]) for row in fetch_rows(connection, "SHOW BINARY LOGS")]
    for file in reversed(files[-SEARCHED_FILES:]):
        with connection.cursor(SSCursor) as cursor:
            cursor.execute(f"SHOW BINLOG EVENTS IN %s LIMIT {SEARCHED_EVENTS}", [file])
            position = next((row[1] for row in cursor if row[2] == _COMPRESSED), None)
        if position is not None:
            return f"{file}:{position}"
    return None
