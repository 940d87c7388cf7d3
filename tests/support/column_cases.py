"""A table for each column type with its boundary values, as SQL literals; MariaDB and MySQL differ in a few types."""

from __future__ import annotations

from dataclasses import dataclass

ALL_BYTES = "".join(f"{number:02X}" for number in range(256))
_NUMBERS = {
    "tinyint": ("TINYINT", "-128", "0", "127"),
    "tinyint_unsigned": ("TINYINT UNSIGNED", "0", "128", "255"),
    "bool": ("BOOL", "FALSE", "TRUE", "-128"),
    "smallint": ("SMALLINT", "-32768", "32767"),
    "smallint_unsigned": ("SMALLINT UNSIGNED", "0", "32768", "65535"),
    "mediumint": ("MEDIUMINT", "-8388608", "8388607"),
    "mediumint_unsigned": ("MEDIUMINT UNSIGNED", "0", "8388608", "16777215"),
    "integer": ("INT", "-2147483648", "2147483647"),
    "int_unsigned": ("INT UNSIGNED", "0", "2147483648", "4294967295"),
    "bigint": ("BIGINT", "-9223372036854775808", "9223372036854775807"),
    "bigint_unsigned": ("BIGINT UNSIGNED", "0", "9223372036854775808", "18446744073709551615"),
    "int_zerofill": ("INT(8) ZEROFILL", "0", "42", "4294967295"),
    "bigint_zerofill": ("BIGINT(20) UNSIGNED ZEROFILL", "7", "18446744073709551615"),
    "decimal_default": ("DECIMAL", "-9999999999", "0", "9999999999"),
    "decimal_large": (
        "DECIMAL(65,30)", "0", "-0.000000000000000000000000000001",
        "99999999999999999999999999999999999.999999999999999999999999999999",
        "-99999999999999999999999999999999999.999999999999999999999999999999",
    ),
    "decimal_scale": ("DECIMAL(10,2)", "10.50", "-10.50", "0.00", "-0.01", "99999999.99"),
    "decimal_no_scale": ("DECIMAL(20,0)", "10", "-99999999999999999999"),
    "decimal_zerofill": ("DECIMAL(10,2) ZEROFILL", "1.5", "99999999.99"),
    "float": (
        "FLOAT", "0", "1.1", "-1.1", "16777217", "123456.789", "3.4028234e38", "-3.4028234e38", "1.17549435e-38",
        "1.4e-45", "0.333333333333",
    ),
    "float_digits": ("FLOAT(10,2)", "1234.56", "-0.01", "99999999.99"),
    "float_unsigned": ("FLOAT UNSIGNED", "0", "1.1"),
    "double": (
        "DOUBLE", "0", "1.1", "-1.1", "1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308",
        "4.9e-324", "0.1e0 + 0.2e0", "9007199254740993", "1e22", "123456789.123456789", "1e16", "-1e-7",
    ),
    "double_digits": ("DOUBLE(10,2)", "1234.56", "-0.01"),
    "bit_1": ("BIT(1)", "b'0'", "b'1'"),
    "bit_8": ("BIT(8)", "b'0'", "b'10000001'", "b'11111111'"),
    "bit_12": ("BIT(12)", "b'100000000001'", "b'111111111111'"),
    "bit_64": ("BIT(64)", "b'0'", "1", "9223372036854775808", "18446744073709551615"),
    "year": ("YEAR", "1901", "2026", "2155", "0"),
}  # fmt: skip
_TEXTS = {
    "char": ("CHAR(10)", "''", "'a'", "'a  '", "'  a'", "'Müller 😀'"),
    "varchar": (
        "VARCHAR(100)", "''", "'a  '", "'  a'", "'quote \\' \" \\\\ slash'", "'line\\nfeed\\ttab'", "'😀 é ㋿'",
    ),
    "varchar_controls": ("VARCHAR(100)", "CONCAT(CHAR(1), CHAR(27), CHAR(127))", "CONCAT('a', CHAR(0), 'b')"),
    "varchar_binary": ("VARCHAR(20) BINARY", "'A'", "'a'"),
    "national": ("NATIONAL VARCHAR(20)", "'Müller'"),
    "tinytext": ("TINYTEXT", "''", "REPEAT('x', 255)"),
    "text": ("TEXT", "''", "REPEAT('é', 30000)"),
    "mediumtext": ("MEDIUMTEXT", "''", "REPEAT('x', 70000)"),
    "longtext": ("LONGTEXT", "''", "REPEAT('y', 300000)"),
    "enum": ("ENUM('small', 'it''s', 'a, b', '', 'ü')", "'small'", "'it\\'s'", "'a, b'", "''", "'ü'"),
    "enum_invalid": ("ENUM('a', 'b')", "'a'", "'nothing'"),
    "enum_latin1": ("ENUM('é', 'b') CHARACTER SET latin1", "'é'", "'b'"),
    "set": ("SET('a', 'it''s', 'ü')", "''", "'a'", "'a,ü'", "'ü,it\\'s,a'"),
    "set_64": (f"SET({', '.join(repr(f'm{n}') for n in range(64))})", "'m0'", "'m63'", "'m0,m63'", "~0"),
    "binary": (
        "BINARY(8)", "''", "x'00'", "x'6100'", "x'0000000000000000'", "x'6162630000006400'", "x'FFFFFFFFFFFFFFFF'",
    ),
    "binary_1": ("BINARY", "x'00'", "x'20'"),
    "varbinary": ("VARBINARY(300)", "''", "x'00'", "x'6100'", f"x'{ALL_BYTES}'"),
    "tinyblob": ("TINYBLOB", "''", f"SUBSTRING(x'{ALL_BYTES}', 2)"),
    "blob": ("BLOB", "''", f"x'{ALL_BYTES}'", "REPEAT(x'00', 60000)"),
    "mediumblob": ("MEDIUMBLOB", "REPEAT(x'FF', 70000)"),
    "longblob": ("LONGBLOB", "REPEAT(x'AB', 300000)"),
}  # fmt: skip
# Negative times without a fraction, of which the connector reads several in the same way.
_WHOLE = (
    "'-02:00:00'", "'-02:04:00'", "'-02:04:03'", "'-02:04:04'", "'-00:01:00'", "'-00:01:03'", "'-838:00:00'",
    "'-00:00:03'", "'-01:00:00'", "'-00:00:01'", "'-00:00:59'", "'-00:59:59'",
)  # fmt: skip
_TIMES = {
    "date": ("DATE", "'1000-01-01'", "'1582-10-04'", "'1582-10-10'", "'2026-02-28'", "'9999-12-31'", "'0001-01-01'"),
    "date_zero": ("DATE", "'0000-00-00'", "'2026-00-00'", "'2026-01-00'", "'0000-01-01'"),
    "date_zero_not_null": ("DATE NOT NULL DEFAULT '2020-01-01'", "'0000-00-00'", "'1970-01-01'"),
    "time": (
        "TIME", "'00:00:00'", "'23:59:59'", "'24:00:00'", "'838:59:59'", "'-838:59:59'", "'-00:00:01'", "'-00:30:30'",
        "'10:30:00'", "'10:00:10'", "'-23:59:59'", "'-00:00:58'",
    ),
    "time_6": (
        "TIME(6)", "'00:00:00.000001'", "'838:59:58.999999'", "'-838:59:58.999999'", "'-00:00:00.000001'",
        "'-00:01:00.5'", "'10:30:00.25'", "'-10:00:03.1'", "'10:00:00'",
    ),
    "time_3": ("TIME(3)", "'-00:00:00.001'", "'-10:00:59.999'", "'12:00:00.100'"),
    "time_whole": ("TIME", *_WHOLE),
    "time_whole_1": ("TIME(1)", *_WHOLE, "'-10:00:02.1'", "'-10:00:00.9'"),
    "time_whole_4": ("TIME(4)", *_WHOLE, "'-10:00:02.1474'"),
    "time_whole_5": ("TIME(5)", *_WHOLE, "'-10:00:02.04857'"),
    "time_whole_6": ("TIME(6)", *_WHOLE, "'-10:00:01.048576'", "'-02:04:04.048576'", "'-00:00:00.999999'"),
    "datetime": (
        "DATETIME", "'1000-01-01 00:00:00'", "'1582-10-04 12:00:00'", "'2026-03-29 02:30:00'", "'9999-12-31 23:59:59'",
        "'1969-12-31 23:59:59'", "'0001-01-01 00:00:00'", "'1900-01-01 00:00:00'",
    ),
    "datetime_1": ("DATETIME(1)", "'2026-02-08 10:30:00.1'", "'2026-02-08 10:30:00'"),
    "datetime_3": ("DATETIME(3)", "'1969-12-31 23:59:59.999'", "'2026-02-08 10:30:00.120'"),
    "datetime_6": (
        "DATETIME(6)", "'1969-12-31 23:59:59.999999'", "'2026-02-08 10:30:00.000001'", "'9999-12-31 23:59:59.999999'",
    ),
    "datetime_zero": ("DATETIME", "'0000-00-00 00:00:00'", "'2026-00-00 10:00:00'"),
    "datetime_zero_not_null": ("DATETIME NOT NULL", "'0000-00-00 00:00:00'", "'1970-01-01 00:00:00'"),
    "timestamp": ("TIMESTAMP NULL", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2026-03-29 01:30:00'"),
    "timestamp_3": ("TIMESTAMP(3) NULL", "'2026-02-08 10:30:00.120'"),
    "timestamp_6": ("TIMESTAMP(6) NULL", "'1970-01-01 00:00:01.000001'", "'2038-01-19 03:14:07.999999'"),
    "timestamp_zero": (
        "TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP", "'0000-00-00 00:00:00'", "'2026-02-08 10:30:00'",
    ),
}  # fmt: skip
_OTHERS = {
    "point": ("POINT", "ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(-1.5 2e10)')"),
    "point_srid": ("POINT", "ST_GeomFromText('POINT(48 16)', 4326)"),
    "linestring": ("LINESTRING", "ST_GeomFromText('LINESTRING(0 0, 1 1, 2 3)')"),
    "polygon": ("POLYGON", "ST_GeomFromText('POLYGON((0 0, 0 3, 3 3, 0 0), (1 1, 1 2, 2 2, 1 1))', 4326)"),
    "multipoint": ("MULTIPOINT", "ST_GeomFromText('MULTIPOINT(1 1, 2 2)')"),
    "multipolygon": ("MULTIPOLYGON", "ST_GeomFromText('MULTIPOLYGON(((0 0, 0 3, 3 3, 0 0)), ((5 5, 5 6, 6 6, 5 5)))')"),
    "geometry": (
        "GEOMETRY", "ST_GeomFromText('POINT(1 2)')",
        "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1), POINT(2 2))')",
    ),
    "geometrycollection": (
        "GEOMETRYCOLLECTION", "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(2 2, 3 3))')",
    ),
    "json": (
        "JSON", "'null'", "'true'", "'[]'", "'{}'", "'\"text \\\\u00e9 😀 \\\\n\"'", "'\"\"'", "'-9223372036854775808'",
        "'[1, -1, 18446744073709551615, 9223372036854775808]'", "'[32767, 32768, 65535, 65536, 2147483648]'",
        "'[1.5, 1e100, -2.5e-10, 0.1, 1.0, 3.14159265358979]'", "'{\"spaces\" :   [ 1,2 ] }'",
        "'{\"b\": 1, \"a\": {\"c\": [true, null, \"x\"]}, \"ü\": \"é\"}'",
    ),
}  # fmt: skip
_MYSQL_ONLY = {
    "json_decimal": ("JSON", "CAST(1.10 AS JSON)", "JSON_OBJECT('d', 1234567890.123)"),
    "double_negative_zero": ("DOUBLE", "-0.0e0"),
}  # fmt: skip


@dataclass(frozen=True)
class TypeCase:
    """A table `type_<name>` with the columns `id` and `value`, and the values to write into it, as SQL."""

    name: str
    type: str
    values: tuple[str, ...]

    @property
    def table(self) -> str:
        """The name of the table."""
        return f"type_{self.name}"


def cases(server: str) -> list[TypeCase]:
    """Return the cases of a server, `mariadb` or `mysql`."""
    chosen = {**_NUMBERS, **_TEXTS, **_TIMES, **_OTHERS, **(_MYSQL_ONLY if server == "mysql" else {})}
    return [TypeCase(name, kind, values) for name, (kind, *values) in chosen.items()]  # type: ignore[arg-type]
