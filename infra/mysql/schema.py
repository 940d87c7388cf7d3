"""Creating a table from its schema file, and reporting how an existing one differs. It never alters or drops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import MySQLdb

from infra.endpoints import MySqlEndpoint
from infra.errors import SchemaError
from infra.mysql.connection import NOT_THE_STATEMENT, Connection, connect, fetch_rows, quoted
from infra.mysql.seeded_tables import forget_table, record_table
from infra.plan import Action, PlannedChange

_KIND = "SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s"


@dataclass(frozen=True)
class _Form:
    """The compared form of a table; the form of a column is type, collation, null, default and extra."""

    columns: dict[str, tuple[str, ...]]
    definitions: dict[str, str]
    primary_key: tuple[str, ...]
    collation: str


def ensure_schema(endpoint: MySqlEndpoint, schema_file: Path, table: str, pipeline: str) -> str:
    """Create the table from its file if it is missing, and return "created" or "unchanged".

    A table that it creates is recorded as one that the pipeline may seed. The file is one `CREATE TABLE IF NOT EXISTS`.
    SchemaError if it is not, or if the existing table differs from it.
    """
    sql = _read(schema_file)
    temporary = _as_temporary(sql, schema_file, table)
    with connect(endpoint) as connection:
        if not _is_missing(connection, endpoint, temporary, schema_file, table):
            return "unchanged"
        # Recorded first: otherwise an interrupted run would leave a table that looks like that of someone else.
        record_table(endpoint, table, pipeline)
        try:
            _run(connection, sql, schema_file)
        except SchemaError:
            forget_table(endpoint, table)
            raise
    return "created"


def preview_schema(endpoint: MySqlEndpoint, schema_file: Path, table: str) -> PlannedChange:
    """Return what `ensure_schema` would do, and change nothing; SchemaError as it does."""
    temporary = _as_temporary(_read(schema_file), schema_file, table)
    with connect(endpoint) as connection:
        missing = _is_missing(connection, endpoint, temporary, schema_file, table)
    action = Action.CREATE if missing else Action.UNCHANGED
    return PlannedChange("table", table, action, f"from {schema_file.name}" if missing else "")


def _is_missing(connection: Connection, endpoint: MySqlEndpoint, temporary: str, schema_file: Path, table: str) -> bool:
    """Return whether the table is missing; SchemaError if the server rejects the file, or the table differs from it."""
    kind = fetch_rows(connection, _KIND, [table])
    if not kind:
        _run(connection, temporary, schema_file)  # SQL that the server rejects must not leave a record
        _run(connection, f"DROP TEMPORARY TABLE {quoted(table)}", schema_file)
        return True
    if kind == [("VIEW",)]:
        raise SchemaError(f"{table!r} in {endpoint} is a view. Expected a table. Drop the view, or rename the table.")
    differences = list(_differences(connection, temporary, schema_file, table))
    if differences:
        listed = "".join(f"\n  {difference}" for difference in differences)
        raise SchemaError(f"table {table!r} in {endpoint} differs from {schema_file}:{listed}")
    return False


def _read(schema_file: Path) -> str:
    try:
        return schema_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"not UTF-8 at byte {error.start}"
        raise SchemaError(
            f"{schema_file}: cannot be read: {reason}. Expected an SQL file in UTF-8. Fix its path or encoding."
        ) from error


def _as_temporary(sql: str, schema_file: Path, table: str) -> str:
    """Return the same file for a TEMPORARY table, which hides the real table in this session only.

    So the server itself shows the form that the file defines, and the owner's privileges are sufficient.
    """
    name = re.escape(table)
    head = re.compile(rf"\bCREATE\s+TABLE\s+IF\s+NOT\s+EXISTS\s+(`{name}`|{name}\b)", re.IGNORECASE)
    if len(head.findall(sql)) != 1 or len(re.findall(r"\bCREATE\s+TABLE\b", sql, re.IGNORECASE)) != 1:
        raise SchemaError(
            f"{schema_file}: unsupported content. Expected one statement that starts with CREATE TABLE IF NOT EXISTS "
            f"{table}. Rewrite the file."
        )
    return head.sub(lambda match: f"CREATE TEMPORARY TABLE {match[1]}", sql)


def _run(connection: Connection, sql: str, schema_file: Path) -> None:
    """Send the file as it is; the server splits it into statements."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            while cursor.nextset():
                pass
    except MySQLdb.DatabaseError as error:
        if error.args[0] in NOT_THE_STATEMENT:
            raise
        raise SchemaError(
            f"{schema_file}: rejected by the server: {error.args[1]} (error {error.args[0]}). Fix the SQL."
        ) from error
    connection.commit()


def _differences(connection: Connection, temporary: str, schema_file: Path, table: str) -> Iterator[str]:
    """Yield each difference with the statement that fixes it."""
    found = _form(connection, table)
    _run(connection, temporary, schema_file)
    expected = _form(connection, table)
    alter = f"ALTER TABLE {quoted(table)}"
    if found.collation != expected.collation:
        character_set = expected.collation.split("_")[0]
        yield (
            f"its collation is {found.collation}. Expected {expected.collation}. Run: "
            f"{alter} CONVERT TO CHARACTER SET {character_set} COLLATE {expected.collation};"
        )
    for name, form in expected.columns.items():
        if name not in found.columns:
            yield f"column {name!r} is missing. Run: {alter} ADD COLUMN {expected.definitions[name]};"
        elif found.columns[name] != form:
            yield (
                f"column {name!r} is {_shown(found.columns[name])}. Expected {_shown(form)}. Run: "
                f"{alter} MODIFY COLUMN {expected.definitions[name]};"
            )
    for name in found.columns:
        if name not in expected.columns:
            yield f"column {name!r} is not in the file. Run: {alter} DROP COLUMN {quoted(name)};"
    if found.primary_key != expected.primary_key:
        drop = "DROP PRIMARY KEY, " if found.primary_key else ""
        keys = ", ".join(map(quoted, expected.primary_key))
        add = f"ADD PRIMARY KEY ({keys})" if keys else drop.rstrip(", ")
        yield (
            f"its primary key is {_names(found.primary_key)}. Expected {_names(expected.primary_key)}. Run: "
            f"{alter} {drop}{add};"
        )


def _form(connection: Connection, table: str) -> _Form:
    """Return the form of a table; SHOW includes the session's temporary tables, unlike information_schema."""
    columns = fetch_rows(connection, f"SHOW FULL COLUMNS FROM {quoted(table)}")
    indexes = fetch_rows(connection, f"SHOW INDEX FROM {quoted(table)}")
    created = str(fetch_rows(connection, f"SHOW CREATE TABLE {quoted(table)}")[0][1])
    definitions = (re.match(r"  `((?:[^`]|``)+)` .*?(?=,?$)", line) for line in created.splitlines())
    collation = re.search(r"^\) .*(?:CHARSET|COLLATE)=(\w+)", created, re.MULTILINE)
    return _Form(
        columns={row[0]: _column_form(row) for row in columns},
        definitions={match[1].replace("``", "`"): match[0].strip() for match in definitions if match},
        primary_key=tuple(row[4] for row in indexes if row[2] == "PRIMARY"),
        collation=collation[1] if collation else "",
    )


def _column_form(row: tuple[str | None, ...]) -> tuple[str, ...]:
    _, type_, collation, null, _, default, extra, *_ = row
    return (
        str(type_),
        f"COLLATE {collation}" if collation else "",
        "NULL" if null == "YES" else "NOT NULL",
        "" if default is None or default == "NULL" else f"DEFAULT {default}",
        "" if extra in (None, "NULL") else str(extra),  # MySQL 9 has the second for a temporary table
    )


def _shown(form: tuple[str, ...]) -> str:
    return " ".join(part for part in form if part)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) if names else "missing"
