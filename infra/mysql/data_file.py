"""The seed file: CSV after RFC 4180 in UTF-8, read as a stream, with every bad row told apart from the good ones.

The first line is a header with the table's column names in any order. An auto-increment key may be left out: then
a row's key is its number among the data rows. Values are kept to the letter; nothing is trimmed or folded.
DuckDB's read_csv(store_rejects=true) does not fit: it accepts stray quotes and NUL, reads empty text as NULL, and drops
every row after a quote that is never closed.
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

# A quote that is never closed would otherwise read the rest of any file into memory.
MAX_RECORD_BYTES = 4 * 1024 * 1024
_SHOWN_CHARACTERS = 40
_BOM = b"\xef\xbb\xbf"
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_MAX_DIGITS = 30  # more than any integer type has; int() refuses very long ones
# The csv module lets a quote stand inside an unquoted field; the RFC does not. Possessive, so that it never backtracks.
_FIELD = r'(?:"(?:[^"]++|"")*+"|[^",\r\n]*+)'
_RFC_RECORD = re.compile(rf"{_FIELD}(?:,{_FIELD})*+(?:\r?\n)?")

Value = int | str | None


class Row(NamedTuple):
    """A good row: the line that it begins at, its values in the columns' order, and where its bytes are in the file."""

    line: int
    values: tuple[Value, ...]
    offset: int
    size: int


@dataclass(frozen=True)
class Reject:
    """A bad row: the line that it begins at, why, and its text as it is in the file."""

    line: int
    reason: str
    raw: str


class _BadValueError(ValueError):
    """The reason for which a row is rejected."""


def read_rows(path: Path, columns: Sequence[Column]) -> Iterator[Row | Reject]:
    """Every data row of the file in order, as a Row or a Reject; memory is bounded by MAX_RECORD_BYTES.

    Raises DataFileError for the file as a whole: it is missing, its header is wrong, a quote is never closed.
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
            except _BadValueError as error:
                yield Reject(records.line, str(error), readable(records.raw))
            else:
                yield Row(records.line, values, records.offset, len(records.raw))


def read_raw(path: Path, offset: int, size: int) -> str:
    """The text of one record, from the place that its Row names."""
    with path.open("rb") as file:
        file.seek(offset)
        return readable(file.read(size))


def readable(raw: bytes) -> str:
    """The record without its line end; bytes that are not UTF-8 show as `\\xNN`."""
    return raw.decode("utf-8", "backslashreplace").removesuffix("\n").removesuffix("\r")


class _Records(Iterator[list[str] | csv.Error]):
    """The records of the file; `line`, `offset` and `raw` tell where the latest one is and what it looks like."""

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
        return b"".join(self._lines)

    def __next__(self) -> list[str] | csv.Error:
        self.offset += self._size
        self.line = self._line_number + 1
        self._size = 0
        self._lines.clear()
        try:
            return next(self._reader)
        except csv.Error as error:
            # The reader starts afresh at the next line; so only a record that ran on into other lines is beyond repair.
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
            f"{self._path}, line {self.line}: a quote opens in the row that begins here and is never closed, "
            f"or the row is longer than {MAX_RECORD_BYTES // 1024**2} MiB; close it, and double a quote inside quotes"
        )


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataFileError(
            f"{path}: cannot be read: {error.strerror}; it must be a CSV file. Correct its path or permissions"
        ) from error


def _checked_header(path: Path, header: list[str] | csv.Error | None, columns: Sequence[Column]) -> list[str]:
    """The column names of the first line; raises DataFileError unless they are the table's."""
    if header is None:
        raise DataFileError(f"{path}: the file is empty; {_allowed(columns)}")
    if isinstance(header, csv.Error):
        raise DataFileError(f"{path}, line 1: the header has malformed quoting; {_allowed(columns)}")
    names = [column.name for column in columns]
    unknown = [name for name in header if name not in names]
    missing = [c.name for c in columns if c.name not in header and not _may_be_left_out(c)]
    if not header or len(unknown) == len(header):
        shown = _shown(",".join(header))
        raise DataFileError(f"{path}, line 1: the header is missing, the line is {shown}; {_allowed(columns)}")
    if unknown:
        raise DataFileError(f"{path}, line 1: unknown column {_shown(unknown[0])}; {_allowed(columns)}")
    for name in header:
        if header.count(name) > 1:
            raise DataFileError(f"{path}, line 1: column {name!r} is there twice; {_allowed(columns)}")
    if missing:
        raise DataFileError(f"{path}, line 1: column {missing[0]!r} is missing; {_allowed(columns)}")
    return header


def _allowed(columns: Sequence[Column]) -> str:
    needed = ",".join(column.name for column in columns if not _may_be_left_out(column))
    optional = "".join(f" and optionally {column.name}" for column in columns if _may_be_left_out(column))
    return f"make the first line a header with {needed}{optional}, in any order"


def _may_be_left_out(column: Column) -> bool:
    return column.in_key and column.auto_increment


def _values(
    records: _Records, fields: list[str] | csv.Error, width: int, layout: list[tuple[Column, int | None]], number: int
) -> tuple[Value, ...]:
    """The values of one record; raises _BadValueError with the reason when it must be rejected."""
    raw = records.raw
    if not raw.isascii():
        _check_utf8(raw)
    if b"\0" in raw:
        raise _BadValueError("it has a NUL character, which no text may contain")
    if isinstance(fields, csv.Error):
        raise _BadValueError(_quoting_reason(str(fields)))
    if b'"' in raw and not _RFC_RECORD.fullmatch(raw.decode()):
        raise _BadValueError("malformed quoting: put a field that has a quote in quotes, and write that quote twice")
    if len(fields) != width:
        problem = "missing field" if len(fields) < width else "too many fields"
        raise _BadValueError(f"{problem}: the row has {len(fields)}, the header {width}")
    return tuple(_value(column, str(number) if place is None else fields[place]) for column, place in layout)


def _check_utf8(raw: bytes) -> None:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _BadValueError(f"not UTF-8: byte 0x{raw[error.start]:02x}; save the file as UTF-8") from error


def _quoting_reason(reason: str) -> str:
    if "new-line character" in reason:
        return "malformed quoting: a carriage return outside quotes"
    if "field limit" in reason:
        return f"a field is longer than {csv.field_size_limit()} characters"
    return "malformed quoting: after a closing quote comes a comma or the end of the line"


def _value(column: Column, text: str) -> Value:
    if not text:
        if column.nullable:
            return None
        raise _BadValueError(f"{column.name} is empty")
    return _whole_number(column, text, column.bounds) if column.bounds else _text(column, text)


def _whole_number(column: Column, text: str, bounds: tuple[int, int]) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise _BadValueError(f"{column.name} {_shown(text)} is not a whole number")
    lowest, highest = bounds
    if len(text) > _MAX_DIGITS or not lowest <= int(text) <= highest:
        raise _BadValueError(f"{column.name} {_shown(text)} is out of range: {column.type} holds {lowest} to {highest}")
    return int(text)


def _text(column: Column, text: str) -> str:
    if len(text) > column.max_characters:
        raise _BadValueError(f"{column.name} has {len(text)} characters: {column.type} holds {column.max_characters}")
    # Of a TEXT type the length is in bytes; a character has at most four.
    if len(text) * 4 > column.max_bytes and (size := len(text.encode())) > column.max_bytes:
        raise _BadValueError(f"{column.name} has {size} bytes: {column.type} holds {column.max_bytes}")
    return text


def _shown(text: str) -> str:
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return repr(shown if len(shown) <= _SHOWN_CHARACTERS else shown[:_SHOWN_CHARACTERS] + "...")
