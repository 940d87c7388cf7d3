"""Reading a data file: every form of valid row, and the exact reason for every invalid one."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import DataFileError
from infra.mysql.columns import Column, integer_bounds
from infra.mysql.data_file import MAX_RECORD_BYTES, Reject, Row, estimate_rows, read_raw, read_rows

INT = integer_bounds("int", unsigned=False)
COLUMNS = (
    Column("id", "int(11)", in_key=True, auto_increment=True, bounds=INT),
    Column("name", "varchar(10)", max_characters=10, max_bytes=40),
    Column("nationality", "varchar(10)", max_characters=10, max_bytes=40),
    Column("score", "int(11)", bounds=INT),
)
HEADER = b"name,nationality,score\n"
EXPECTED = "Make the first line a header with name,nationality,score and optionally id, in any order."


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "players.csv"


def read(file: Path, content: bytes, columns: tuple[Column, ...] = COLUMNS) -> list[Row | Reject]:
    file.write_bytes(content)
    return list(read_rows(file, columns))


def values(file: Path, content: bytes, columns: tuple[Column, ...] = COLUMNS) -> list[tuple[object, ...]]:
    rows = read(file, content, columns)
    assert not [row for row in rows if isinstance(row, Reject)]
    return [row.values for row in rows if isinstance(row, Row)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(b"Alex,Austria,7\n", (1, "Alex", "Austria", 7), id="plain"),
        pytest.param(b"Alex,Austria,7", (1, "Alex", "Austria", 7), id="no line end"),
        pytest.param(b"Alex,Austria,7\r\n", (1, "Alex", "Austria", 7), id="crlf"),
        pytest.param(b'"Alex","Austria","7"\n', (1, "Alex", "Austria", 7), id="quoted number"),
        pytest.param(b'"a ""b"", c",US,+7\n', (1, 'a "b", c', "US", 7), id="quotes and comma"),
        pytest.param(b'"a\nb\r\nc",US,-7\n', (1, "a\nb\r\nc", "US", -7), id="line ends in quotes"),
        pytest.param(b" Al , US ,007\n", (1, " Al ", " US ", 7), id="spaces are kept"),
        pytest.param("Žofie😀,Česko,0\n".encode(), (1, "Žofie😀", "Česko", 0), id="unicode"),
        pytest.param("\uff21lex\u0301,US,1\n".encode(), (1, "\uff21lex\u0301", "US", 1), id="not normalised"),
        pytest.param(b"x,US,2147483647\n", (1, "x", "US", 2147483647), id="highest"),
        pytest.param(b"x,US,-2147483648\n", (1, "x", "US", -2147483648), id="lowest"),
        pytest.param("é".encode() * 10 + b",US,1\n", (1, "é" * 10, "US", 1), id="characters, not bytes"),
    ],
)
def test_valid_row(file: Path, row: bytes, expected: tuple[object, ...]) -> None:
    assert values(file, HEADER + row) == [expected]


def test_header_may_have_a_byte_order_mark_and_any_order(file: Path) -> None:
    assert values(file, b"\xef\xbb\xbfscore,id,nationality,name\n7,3,Austria,Alex\n") == [(3, "Alex", "Austria", 7)]


def test_id_is_the_number_of_the_data_row_without_blank_lines_but_with_rejects(file: Path) -> None:
    rows = read(file, HEADER + b"\na,A,1\n\r\nb,B,x\nc,C,3\n")
    assert [(row.line, row.values[0]) for row in rows if isinstance(row, Row)] == [(3, 1), (6, 3)]
    assert [row.line for row in rows if isinstance(row, Reject)] == [5]


def test_file_with_only_a_header_has_no_rows(file: Path) -> None:
    assert values(file, HEADER) == []


def test_empty_field_of_a_nullable_column_is_null(file: Path) -> None:
    columns = (COLUMNS[0], Column("note", "varchar(9)", nullable=True, max_characters=9, max_bytes=36))
    assert values(file, b'id,note\n1,\n2,""\n', columns) == [(1, None), (2, None)]


def test_raw_text_is_found_by_offset_and_size(file: Path) -> None:
    rows = read(file, b"\xef\xbb\xbf" + HEADER + 'é,A,1\n"x\ny",B,2\r\n'.encode())
    assert [read_raw(file, row.offset, row.size) for row in rows if isinstance(row, Row)] == ["é,A,1", '"x\ny",B,2']


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"Alex,Austria\n", "missing field: the row has 2 fields, the header has 3"),
        (b"   \n", "missing field: the row has 1 fields, the header has 3"),
        (b"Alex,Austria,7,\n", "too many fields: the row has 4 fields, the header has 3"),
        (b",Austria,7\n", "name is empty"),
        (b'"",Austria,7\n', "name is empty"),
        (b"Alex,Austria,\n", "score is empty"),
        (b"Alex,Austria,7.0\n", "score '7.0' is not an integer"),
        (b"Alex,Austria, 7\n", "score ' 7' is not an integer"),
        (b"Alex,Austria,1_0\n", "score '1_0' is not an integer"),
        (b"Alex,Austria,--1\n", "score '--1' is not an integer"),
        ("Alex,Austria,٣\n".encode(), "score '٣' is not an integer"),
        (b"Alex,Austria," + b"x" * 50 + b"\n", "score '" + "x" * 40 + "...' is not an integer"),
        (b"A,B,2147483648\n", "score '2147483648' is out of range: int(11) allows -2147483648 to 2147483647"),
        (
            b"A,B," + b"9" * 5000 + b"\n",
            f"score '{'9' * 40}...' is out of range: int(11) allows -2147483648 to 2147483647",
        ),
        ("é".encode() * 11 + b",B,1\n", "name has 11 characters: varchar(10) allows 10"),
        (b"Caf\xe9,B,1\n", "not UTF-8: byte 0xe9; save the file as UTF-8"),
        (b"a\0b,B,1\n", "contains a NUL character"),
        (b'"Alex"x,B,1\n', "malformed quoting: expected a comma or the end of the line after a closing quote"),
        (b'"Alex" ,B,1\n', "malformed quoting: expected a comma or the end of the line after a closing quote"),
        (
            b'Al "X" ex,B,1\n',
            "malformed quoting: enclose a field with a quote in quotes, and write the quote twice",
        ),
        (b"Al\rex,B,1\n", "malformed quoting: a carriage return outside quotes"),
        (b"x" * 140_000 + b",B,1\n", "a field is longer than 131072 characters"),
    ],
)
def test_invalid_row_is_rejected_and_the_next_one_is_read(file: Path, row: bytes, reason: str) -> None:
    rejected, following = read(file, HEADER + row + b"Max,Austria,4\n")
    raw = row.decode("utf-8", "backslashreplace").removesuffix("\n")
    assert rejected == Reject(2, reason, raw)
    assert isinstance(following, Row)
    assert following.values == (2, "Max", "Austria", 4)


def test_reject_shows_bytes_that_are_not_utf8(file: Path) -> None:
    (reject,) = read(file, HEADER + b"Caf\xe9,B,1\n")
    assert isinstance(reject, Reject)
    assert reject.raw == r"Caf\xe9,B,1"


def test_reject_of_several_lines_keeps_all_of_them(file: Path) -> None:
    reject, row = read(file, HEADER + b'"Alex,B,1\nMax,C,2\n"Eve",D,3\nJosef,US,8\n')
    assert isinstance(reject, Reject)
    assert reject.raw == '"Alex,B,1\nMax,C,2\n"Eve",D,3'
    assert isinstance(row, Row)
    assert (row.line, row.values[1]) == (5, "Josef")


@pytest.mark.parametrize(
    ("data_type", "unsigned", "valid", "invalid"),
    [
        ("tinyint", False, ["-128", "127"], ["-129", "128"]),
        ("tinyint", True, ["0", "255"], ["-1", "256"]),
        ("smallint", False, ["-32768", "32767"], ["32768"]),
        ("mediumint", False, ["-8388608", "8388607"], ["8388608"]),
        ("bigint", False, ["-9223372036854775808", "9223372036854775807"], ["9223372036854775808"]),
        ("bigint", True, ["18446744073709551615"], ["18446744073709551616", "-1"]),
    ],
)
def test_range_is_that_of_the_type(
    file: Path, data_type: str, unsigned: bool, valid: list[str], invalid: list[str]
) -> None:
    columns = (Column("n", data_type, in_key=True, bounds=integer_bounds(data_type, unsigned=unsigned)),)
    rows = read(file, "\n".join(["n", *valid, *invalid]).encode(), columns)
    assert [row.values[0] for row in rows if isinstance(row, Row)] == [int(text) for text in valid]
    assert len([row for row in rows if isinstance(row, Reject)]) == len(invalid)


def test_length_of_a_text_type_is_in_bytes(file: Path) -> None:
    columns = (COLUMNS[0], Column("note", "tinytext", max_characters=255, max_bytes=255))
    (reject,) = read(file, b"note\n" + "é".encode() * 128, columns)
    assert isinstance(reject, Reject)
    assert reject.reason == "note has 256 bytes: tinytext allows 255"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", f": the file is empty. {EXPECTED}"),
        (b"\xef\xbb\xbf", f": the file is empty. {EXPECTED}"),
        (b"\nname,nationality,score\n", f", line 1: '' is not a header. {EXPECTED}"),
        (b"Alex,Austria,7\n", f", line 1: 'Alex,Austria,7' is not a header. {EXPECTED}"),
        (b"name,nationality,points\n", f", line 1: unknown column 'points'. {EXPECTED}"),
        (b"name,nationality, score\n", f", line 1: unknown column ' score'. {EXPECTED}"),
        (b"name,NATIONALITY,score\n", f", line 1: unknown column 'NATIONALITY'. {EXPECTED}"),
        (b"name,nationality,score,name\n", f", line 1: duplicate column 'name'. {EXPECTED}"),
        (b"id,name,score\n", f", line 1: column 'nationality' is missing. {EXPECTED}"),
        (b'"name"x,nationality,score\n', f", line 1: the header has malformed quoting. {EXPECTED}"),
        (
            HEADER + b'a,A,1\n"b,B,2\nc,C,3\n',
            (
                ", line 3: the row that starts here has an unclosed quote, or is longer than 4 MiB. Close the quote, "
                "and write a quote inside quotes twice."
            ),
        ),
    ],
)
def test_invalid_file(file: Path, content: bytes, problem: str) -> None:
    with pytest.raises(DataFileError) as caught:
        read(file, content)
    assert str(caught.value) == f"{file}{problem}"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(HEADER + b'"' + b"x,US,1\n" * 30_000 + b'",US,1\n', id="a quote over many lines"),
        pytest.param(HEADER + b"x" * (MAX_RECORD_BYTES + 1), id="a line without end"),
        pytest.param(HEADER + b'x,"\n",' * (MAX_RECORD_BYTES // 4), id="a record without end"),
    ],
)
def test_endless_record_is_an_error_before_it_fills_the_memory(file: Path, content: bytes) -> None:
    with pytest.raises(DataFileError, match=r"players\.csv, line 2: the row that starts here .* longer than 4 MiB"):
        read(file, content)


@pytest.mark.parametrize(("make", "reason"), [(False, "No such file or directory"), (True, "Is a directory")])
def test_unreadable_file(tmp_path: Path, make: bool, reason: str) -> None:
    path = tmp_path / "players"
    if make:
        path.mkdir()
    with pytest.raises(DataFileError) as caught:
        list(read_rows(path, COLUMNS))
    assert str(caught.value) == (f"{path}: cannot be read: {reason}. Expected a CSV file. Fix its path or permissions.")


def test_rows_of_a_small_file_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("id,name\n" + "1,x\n" * 1234)

    assert estimate_rows(path) == 1234


def test_rows_of_a_large_file_are_estimated(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("id,name\n" + "".join(f"{number},{'x' * (number // 20_000)}\n" for number in range(400_000)))

    assert estimate_rows(path) == pytest.approx(400_000, rel=0.05)


def test_file_that_does_not_exist_has_no_rows(tmp_path: Path) -> None:
    assert estimate_rows(tmp_path / "nothing.csv") == 0
