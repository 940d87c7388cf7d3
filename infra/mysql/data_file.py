"""Reading a data file: CSV (RFC 4180) in UTF-8, as a stream of valid rows and rejects.

The first line is a header with the table's column names in any order. An auto-increment key may be omitted: then the
key of a row is its number among the data rows. Values are kept exactly, without trimming or case folding.
DuckDB's read_csv(store_rejects=true) is not suitable: it accepts stray quotes and NUL, reads empty text as NULL, and
drops every row after an unclosed quote.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from infra.errors import DataFileError
from infra.mysql.columns import Column

# Without this bound, an unclosed quote would read the rest of the file into memory.
MAX_RECORD_BYTES = 4 * 1024 * 1024
# Spread over the file, since rows at its end are often longer: their numbers have more digits.
SAMPLES, SAMPLE_BYTES = 32, 64 * 1024
_SHOWN_CHARACTERS = 40
_BOM = b"\xef\xbb\xbf"
_INTEGER = re.compile(r"[+-]?[0-9]+")
_MAX_DIGITS = 30  # more than any integer type has; int() rejects very long text
# The csv module allows a quote in an unquoted field; the RFC does not. Possessive, so that it never backtracks.
_FIELD = r'(?:"(?:[^"]++|"")*+"|[^",\r\n]*+)'
_RFC_RECORD = re.compile(rf"{_FIELD}(?:,{_FIELD})*+(?:\r?\n)?")

Value = int | str | None


class Row(NamedTuple):
    """A valid row: its first line, its values in the order of the columns, and the position of its bytes."""

    line: int
    values: tuple[Value, ...]
    offset: int
    size: int


@dataclass(frozen=True)
class Reject:
    """A rejected row: its first line, the reason, and its raw text."""

    line: int
    reason: str
    raw: str


class _InvalidRowError(ValueError):
    """The reason why a row is rejected."""


def read_rows(path: Path, columns: Sequence[Column]) -> Iterator[Row | Reject]:
    """Yield every data row of the file in order, as a Row or a Reject; memory is bounded by MAX_RECORD_BYTES.

    DataFileError if the file cannot be read, its header is invalid, or a quote is never closed.
    """
    with _open(path) as file:
        records = _Records(file, path)
        header = _checked_header(path, next(records, None), columns)
        layout = [(column, header.index(column.name) if column.name in header else None) for column in columns]
        number = 0
        for fields in records:
            if fields == []:
                continue
            number += 1
            try:
                values = _values(records, fields, len(header), layout, number)
            except _InvalidRowError as error:
                yield Reject(records.line, str(error), readable(records.raw))
            else:
                yield Row(records.line, values, records.offset, len(records.raw))


def read_raw(path: Path, offset: int, size: int) -> str:
    """Return the raw text of one record, from the offset and size of its Row."""
    with path.open("rb") as file:
        file.seek(offset)
        return readable(file.read(size))


def check_readable(path: Path) -> None:
    """Check that the file can be read, whatever it contains; DataFileError if not."""
    _open(path).close()


def estimate_rows(path: Path) -> int:
    """Return about how many rows the file has, from the line ends in samples of it; 0 if it cannot be read.

    A sampled number has three significant digits.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if size <= SAMPLES * SAMPLE_BYTES:
                return max(file.read().count(b"\n") - 1, 0)
            ends = 0
            for sample in range(SAMPLES):
                file.seek((size - SAMPLE_BYTES) * sample // (SAMPLES - 1))
                ends += file.read(SAMPLE_BYTES).count(b"\n")
    except OSError:
        return 0
    rows = ends * size // (SAMPLES * SAMPLE_BYTES)
    return round(rows, 3 - len(str(rows)))


def readable(raw: bytes) -> str:
    """Return the text of a record without its line end; bytes that are not UTF-8 become `\\xNN`."""
    return raw.decode("utf-8", "backslashreplace").removesuffix("\n").removesuffix("\r")


class _Records(Iterator[list[str] | csv.Error]):
    """Iterator over the records of the file; `line`, `offset` and `raw` are those of the latest record."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._reader = csv.reader(iter(self._next_line, ""), strict=True)
        self._lines: list[bytes] = []
        self._line_number = 0
        self._size = 0
        self.line = 0
        self.offset = 0

    @property
    def raw(self) -> bytes:
        """The bytes of the latest record."""
        return b"".join(self._lines)

    def __next__(self) -> list[str] | csv.Error:
        self.offset += self._size
        self.line = self._line_number + 1
        self._size = 0
        self._lines.clear()
        try:
            return next(self._reader)
        except csv.Error as error:
            # The reader resumes at the next line, so only a record that extends over several lines is fatal.
            if "unexpected end" in str(error) or ("field limit" in str(error) and len(self._lines) > 1):
                raise self._never_closed() from error
            return error

    def _next_line(self) -> str:
        line = self._file.readline(MAX_RECORD_BYTES)
        self._size += len(line)
        if self._size >= MAX_RECORD_BYTES:
            raise self._never_closed()
        self._line_number += bool(line)
        if self._line_number == 1 and line.startswith(_BOM):
            line = line.removeprefix(_BOM)
        self._lines.append(line)
        return line.decode("utf-8", "surrogateescape")

    def _never_closed(self) -> DataFileError:
        return DataFileError(
            f"{self._path}, line {self.line}: the row that starts here has an unclosed quote, or is longer than "
            f"{MAX_RECORD_BYTES // 1024**2} MiB. Close the quote, and write a quote inside quotes twice."
        )


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataFileError(
            f"{path}: cannot be read: {error.strerror}. Expected a CSV file. Fix its path or permissions."
        ) from error


def _checked_header(path: Path, header: list[str] | csv.Error | None, columns: Sequence[Column]) -> list[str]:
    """Return the column names of the first line; DataFileError unless they are the table's."""
    if header is None:
        raise DataFileError(f"{path}: the file is empty. {_expected(columns)}")
    if isinstance(header, csv.Error):
        raise DataFileError(f"{path}, line 1: the header has malformed quoting. {_expected(columns)}")
    names = [column.name for column in columns]
    unknown = [name for name in header if name not in names]
    missing = [c.name for c in columns if c.name not in header and not _is_optional(c)]
    if not header or len(unknown) == len(header):
        shown = _shown(",".join(header))
        raise DataFileError(f"{path}, line 1: {shown} is not a header. {_expected(columns)}")
    if unknown:
        raise DataFileError(f"{path}, line 1: unknown column {_shown(unknown[0])}. {_expected(columns)}")
    for name in header:
        if header.count(name) > 1:
            raise DataFileError(f"{path}, line 1: duplicate column {name!r}. {_expected(columns)}")
    if missing:
        raise DataFileError(f"{path}, line 1: column {missing[0]!r} is missing. {_expected(columns)}")
    return header


def _expected(columns: Sequence[Column]) -> str:
    required = ",".join(column.name for column in columns if not _is_optional(column))
    optional = "".join(f" and optionally {column.name}" for column in columns if _is_optional(column))
    return f"Make the first line a header with {required}{optional}, in any order."


def _is_optional(column: Column) -> bool:
    return column.in_key and column.auto_increment


def _values(
    records: _Records, fields: list[str] | csv.Error, width: int, layout: list[tuple[Column, int | None]], number: int
) -> tuple[Value, ...]:
    """Return the values of one record; _InvalidRowError with the reason if it is invalid."""
    raw = records.raw
    if not raw.isascii():
        _check_utf8(raw)
    if b"\0" in raw:
        raise _InvalidRowError("contains a NUL character")
    if isinstance(fields, csv.Error):
        raise _InvalidRowError(_quoting_reason(str(fields)))
    if b'"' in raw and not _RFC_RECORD.fullmatch(raw.decode()):
        raise _InvalidRowError("malformed quoting: enclose a field with a quote in quotes, and write the quote twice")
    if len(fields) != width:
        problem = "missing field" if len(fields) < width else "too many fields"
        raise _InvalidRowError(f"{problem}: the row has {len(fields)} fields, the header has {width}")
    return tuple(_value(column, str(number) if place is None else fields[place]) for column, place in layout)


def _check_utf8(raw: bytes) -> None:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _InvalidRowError(f"not UTF-8: byte 0x{raw[error.start]:02x}; save the file as UTF-8") from error


def _quoting_reason(reason: str) -> str:
    if "new-line character" in reason:
        return "malformed quoting: a carriage return outside quotes"
    if "field limit" in reason:
        return f"a field is longer than {csv.field_size_limit()} characters"
    return "malformed quoting: expected a comma or the end of the line after a closing quote"


def _value(column: Column, text: str) -> Value:
    if not text:
        if column.nullable:
            return None
        raise _InvalidRowError(f"{column.name} is empty")
    return _integer(column, text, column.bounds) if column.bounds else _text(column, text)


def _integer(column: Column, text: str, bounds: tuple[int, int]) -> int:
    if not _INTEGER.fullmatch(text):
        raise _InvalidRowError(f"{column.name} {_shown(text)} is not an integer")
    lowest, highest = bounds
    if len(text) > _MAX_DIGITS or not lowest <= int(text) <= highest:
        raise _InvalidRowError(
            f"{column.name} {_shown(text)} is out of range: {column.type} allows {lowest} to {highest}"
        )
    return int(text)


def _text(column: Column, text: str) -> str:
    if len(text) > column.max_characters:
        raise _InvalidRowError(
            f"{column.name} has {len(text)} characters: {column.type} allows {column.max_characters}"
        )
    # The length of a TEXT type is in bytes; a character has at most four.
    if len(text) * 4 > column.max_bytes and (size := len(text.encode())) > column.max_bytes:
        raise _InvalidRowError(f"{column.name} has {size} bytes: {column.type} allows {column.max_bytes}")
    return text


def _shown(text: str) -> str:
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return repr(shown if len(shown) <= _SHOWN_CHARACTERS else shown[:_SHOWN_CHARACTERS] + "...")
