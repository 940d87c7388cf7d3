"""Makes sure of a table by its schema file, and tells in what an existing one differs. It never alters or drops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import MySQLdb

from infra.endpoints import MySqlEndpoint
from infra.errors import SchemaError
from infra.mysql.connection import NOT_THE_STATEMENT, Connection, connect, fetch_rows, quoted

_KIND = "SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s"


@dataclass(frozen=True)
class _Form:
    """What is compared of a table; a column's form is type, collation, null, default and extra."""

    columns: dict[str, tuple[str, ...]]
    definitions: dict[str, str]
    primary_key: tuple[str, ...]
    collation: str


def ensure_schema(endpoint: MySqlEndpoint, schema_file: Path, table: str) -> str:
    """Create the table unless it is there, by its file, a `CREATE TABLE IF NOT EXISTS`: "created" or "unchanged".

    Raises SchemaError when the file is no such thing, or when the table is there in another form.
    """
    sql = _read(schema_file)
    temporary = _as_temporary(sql, schema_file, table)
    with connect(endpoint) as connection:
        kind = fetch_rows(connection, _KIND, [table])
        if not kind:
            _run(connection, sql, schema_file)
            return "created"
        if kind == [("VIEW",)]:
            raise SchemaError(f"{table!r} in {endpoint} is a view; give the table another name, or drop the view")
        differences = list(_differences(connection, temporary, schema_file, table))
    if differences:
        listed = "".join(f"\n  {difference}" for difference in differences)
        raise SchemaError(f"table {table!r} in {endpoint} is not what {schema_file} says:{listed}")
    return "unchanged"


def _read(schema_file: Path) -> str:
    try:
        return schema_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaError(f"{schema_file}: cannot be read: {error}; it must be an SQL file in UTF-8") from error


def _as_temporary(sql: str, schema_file: Path, table: str) -> str:
    """The same file for a TEMPORARY table, which hides the real one from this session alone.

    So the server itself says what form the file means to it, and privileges on the one database are enough.
    """
    name = re.escape(table)
    head = re.compile(rf"\bCREATE\s+TABLE\s+IF\s+NOT\s+EXISTS\s+(`{name}`|{name}\b)", re.IGNORECASE)
    if len(head.findall(sql)) != 1 or len(re.findall(r"\bCREATE\s+TABLE\b", sql, re.IGNORECASE)) != 1:
        raise SchemaError(f"{schema_file}: write it as one statement that begins CREATE TABLE IF NOT EXISTS {table}")
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
        raise SchemaError(f"{schema_file}: the server refuses it: {error.args[1]} (error {error.args[0]})") from error
    connection.commit()


def _differences(connection: Connection, temporary: str, schema_file: Path, table: str) -> Iterator[str]:
    """Each difference with the statement that mends it."""
    found = _form(connection, table)
    _run(connection, temporary, schema_file)
    wanted = _form(connection, table)
    alter = f"ALTER TABLE {quoted(table)}"
    if found.collation != wanted.collation:
        character_set = wanted.collation.split("_")[0]
        yield (
            f"its collation is {found.collation}, wanted {wanted.collation}; mend: "
            f"{alter} CONVERT TO CHARACTER SET {character_set} COLLATE {wanted.collation};"
        )
    for name, form in wanted.columns.items():
        if name not in found.columns:
            yield f"column {name!r} is missing; mend: {alter} ADD COLUMN {wanted.definitions[name]};"
        elif found.columns[name] != form:
            yield (
                f"column {name!r} is {_shown(found.columns[name])}, wanted {_shown(form)}; mend: "
                f"{alter} MODIFY COLUMN {wanted.definitions[name]};"
            )
    for name in found.columns:
        if name not in wanted.columns:
            yield f"column {name!r} is not in the file; mend: {alter} DROP COLUMN {quoted(name)};"
    if found.primary_key != wanted.primary_key:
        drop = "DROP PRIMARY KEY, " if found.primary_key else ""
        keys = ", ".join(map(quoted, wanted.primary_key))
        add = f"ADD PRIMARY KEY ({keys})" if keys else drop.rstrip(", ")
        yield (
            f"its primary key is {_names(found.primary_key)}, wanted {_names(wanted.primary_key)}; mend: "
            f"{alter} {drop}{add};"
        )


def _form(connection: Connection, table: str) -> _Form:
    """The form of what this session sees under the name; SHOW knows temporary tables, information_schema does not."""
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
        str(extra),
    )


def _shown(form: tuple[str, ...]) -> str:
    return " ".join(part for part in form if part)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) if names else "missing"
