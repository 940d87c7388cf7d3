"""The types of captured columns: one table for the topics, the checks, the preflight and docs/column-types.md.

A captured column is on its topic exactly as the database has it. The job `flink_jobs/shared/capture_tables.py` writes
it, and the check selects `expression` from the database, so both give the same JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infra.mysql.connection import quoted

# The page of the types, which messages name.
TYPES_FILE = "docs/column-types.md"
# Trailing zeros of a fraction, and a point without digits after it.
_TRIMMED = "TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {text}))"
_HAS_ZERO = "YEAR({column}) = 0 OR MONTH({column}) = 0 OR DAY({column}) = 0"
_DATE_TIME = _TRIMMED.format(text="DATE_FORMAT({column}, '%Y-%m-%d %H:%i:%s.%f')")
_BASE64 = "REPLACE(TO_BASE64({column}), '\\n', '')"


@dataclass(frozen=True)
class ColumnType:
    """A type: its JSON on the topic, the SQL expression of the same value, and its type in the check's DuckDB.

    `name` is what the documentation calls it, and `data_types` are its names in information_schema. `in_key` is whether
    a key may contain it, and `splits` whether the CDC connector can divide a table by ranges of it.
    """

    name: str
    data_types: tuple[str, ...]
    json: str
    expression: str
    check_type: str
    in_key: bool = True
    splits: bool = True


@dataclass(frozen=True)
class CapturedColumn:
    """A column of a captured table, as information_schema describes it."""

    name: str
    data_type: str
    column_type: str
    nullable: bool = True
    precision: int = 0
    scale: int = 0
    charset: str | None = None
    collation: str | None = None
    extra: str = ""

    @property
    def unsigned(self) -> bool:
        """Whether the column is an integer without a sign."""
        return "unsigned" in self.column_type

    @property
    def is_integer(self) -> bool:
        """Whether the column is an integer, by whose ranges a table can be divided."""
        return self.data_type in INTEGERS.data_types

    @property
    def is_text(self) -> bool:
        """Whether the column is text in a character set; ENUM and SET are lists of names."""
        return self.data_type in TEXTS.data_types


INTEGERS = ColumnType(
    "TINYINT, SMALLINT, MEDIUMINT, INT, BIGINT, signed or UNSIGNED, and BOOL",
    ("tinyint", "smallint", "mediumint", "int", "bigint"),
    "number, exact also above 2^63",
    "{column}",
    "BIGINT",
)
TEXTS = ColumnType(
    "CHAR, VARCHAR, TINYTEXT, TEXT, MEDIUMTEXT, LONGTEXT",
    ("char", "varchar", "tinytext", "text", "mediumtext", "longtext"),
    "text; a CHAR without trailing spaces",
    "{column}",
    "VARCHAR",
)
COLUMN_TYPES = (
    INTEGERS,
    ColumnType(
        "DECIMAL",
        ("decimal",),
        'text with all digits, such as `"10.50"`, because many readers make a number a double',
        "CAST(CAST({column} AS DECIMAL({precision}, {scale})) AS CHAR)",
        "VARCHAR",
    ),
    ColumnType(
        "FLOAT, DOUBLE",
        ("float", "double"),
        "number; a FLOAT as the double of the same value",
        "{column} * 1e0",
        "DOUBLE",
        in_key=False,
    ),
    ColumnType(
        "BIT",
        ("bit",),
        "number, the first bit is the highest",
        "CAST({column} AS UNSIGNED)",
        "UBIGINT",
        in_key=False,
    ),
    ColumnType("YEAR", ("year",), "number; `0` for the year 0000", "{column} + 0", "SMALLINT", splits=False),
    TEXTS,
    ColumnType("ENUM, SET", ("enum", "set"), "text, as MySQL shows it", "CAST({column} AS CHAR)", "VARCHAR"),
    ColumnType(
        "BINARY, VARBINARY, TINYBLOB, BLOB, MEDIUMBLOB, LONGBLOB",
        ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"),
        "text in base64; a BINARY with its trailing zero bytes",
        _BASE64,
        "VARCHAR",
    ),
    ColumnType(
        "DATE",
        ("date",),
        'text, such as `"2026-02-08"`; null if its year, month or day is zero',
        f"IF({_HAS_ZERO}, NULL, DATE_FORMAT({{column}}, '%Y-%m-%d'))",
        "VARCHAR",
    ),
    ColumnType(
        "DATETIME",
        ("datetime",),
        'text, such as `"2026-02-08 10:30:00.25"`; null if its year, month or day is zero',
        f"IF({_HAS_ZERO}, NULL, {_DATE_TIME})",
        "VARCHAR",
    ),
    ColumnType(
        "TIMESTAMP",
        ("timestamp",),
        'text in UTC, such as `"2026-02-08 10:30:00Z"`; null if it is zero',
        f"IF({_HAS_ZERO}, NULL, CONCAT({_DATE_TIME}, 'Z'))",
        "VARCHAR",
    ),
    ColumnType(
        "TIME",
        ("time",),
        'text, such as `"-838:59:59"` or `"10:30:00.25"`',
        _TRIMMED.format(text="TIME_FORMAT({column}, '%H:%i:%s.%f')"),
        "VARCHAR",
        splits=False,
    ),
    ColumnType(
        "JSON (in MariaDB it is LONGTEXT)",
        ("json",),
        "the document itself, nested",
        "CAST({column} AS CHAR)",
        "JSON",
        in_key=False,
    ),
    ColumnType(
        "GEOMETRY, POINT and the other spatial types",
        (
            "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
            "geometrycollection", "geomcollection",
        ),
        '`{"srid": 4326, "wkb": "..."}` with the well-known binary in base64, in the order of axes that is stored',
        "IF({column} IS NULL, NULL, JSON_OBJECT('srid', ST_SRID({column}), 'wkb', "
        f"{_BASE64.format(column='SUBSTRING({column}, 5)')}))",
        "JSON",
        in_key=False,
    ),
)  # fmt: skip
# What the connector decodes as the server does, tried with every character; latin1 needs help of the job.
EXACT_CHARSETS = frozenset({
    "ascii", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp932", "gb2312", "koi8r", "latin1", "latin2",
    "latin5", "latin7", "macce", "macroman", "ucs2", "utf16", "utf16le", "utf32", "utf8", "utf8mb3", "utf8mb4",
})  # fmt: skip
_BY_DATA_TYPE: Mapping[str, ColumnType] = {name: kind for kind in COLUMN_TYPES for name in kind.data_types}


def type_of(column: CapturedColumn) -> ColumnType | None:
    """Return the type of a column; None if columns of its type are not captured."""
    return _BY_DATA_TYPE.get(column.data_type)


def why_refused(column: CapturedColumn) -> str | None:
    """Return why a column cannot be captured exactly, and the fix; None if it can."""
    kind = type_of(column)
    if kind is None:
        return (
            f"has the type {column.data_type}, which is not captured. Expected a type of {TYPES_FILE}. Change its type"
        )
    if kind is TEXTS and column.charset not in EXACT_CHARSETS:
        return (
            f"has the character set {column.charset}, of which the CDC connector does not decode every character. "
            "Convert the column to utf8mb4"
        )
    if column.data_type == "enum" and "\\" in column.column_type:
        return "has an ENUM value with a backslash, which the CDC connector changes. Rename the value"
    if "compressed" in column.column_type.lower():
        return "is COMPRESSED, which the CDC connector cannot read. Change it to a column that is not compressed"
    return None


def comparable(column: CapturedColumn) -> str:
    """Return the SQL expression of what the topic has for a column; the session's time zone must be UTC."""
    kind = _BY_DATA_TYPE[column.data_type]
    values = {"column": quoted(column.name), "precision": column.precision, "scale": column.scale}
    return kind.expression.format(**values)


def check_type(column: CapturedColumn) -> str:
    """Return the type of a column in the check's DuckDB."""
    kind = _BY_DATA_TYPE[column.data_type].check_type
    return f"U{kind}" if kind == "BIGINT" and column.unsigned else kind
