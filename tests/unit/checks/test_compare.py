"""Comparison of rows in the database: missing, unexpected and different ones, exact values, and invalid rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from infra.checks import compare as compare_module
from infra.checks.compare import Comparison, found_table
from infra.checks.differing import Difference
from infra.checks.topic_database import TopicDatabase
from infra.errors import CheckFailedError, DefinitionError
from infra.pipeline import Pipeline
from tests.unit.checks.conftest import ONE_TOPIC

ALEX = {"id": 1, "name": "Alex", "score": 7}
PETER = {"id": 2, "name": "Peter", "score": 2}
Make = Callable[..., Pipeline]


class Compared:
    """A database with a source table of any columns, and values of the topic."""

    def __init__(self, database: TopicDatabase) -> None:
        self.database = database
        self.comparison = Comparison(database)
        self._offset = 0

    def source(self, rows: list[tuple[Any, ...]], columns: str = "id INTEGER, name VARCHAR, score INTEGER") -> None:
        self.database.connection.execute(f"CREATE OR REPLACE TEMP TABLE players ({columns})")
        with self.database.connection.appender("players") as appender:
            appender.append_rows(rows)

    def send(self, *values: Any, key: bytes | None = None) -> None:
        """Send values that are not bytes as compact JSON, each under a key of its own."""
        for value in values:
            self._offset += 1
            data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
            self.database.append("games.players", [(0, self._offset, 0, key or b"%d" % self._offset, data)])

    def differences(self, now: float = 0.0) -> list[str]:
        found = self.comparison.compare(now)
        assert found.count >= len(found.first)
        return [str(difference) for difference in found.first]


@contextmanager
def comparing(pipeline: Pipeline) -> Iterator[Compared]:
    with TopicDatabase(pipeline) as database:
        yield Compared(database)


@pytest.fixture
def compared(make_pipeline: Make) -> Iterator[Compared]:
    with comparing(make_pipeline(ONE_TOPIC % "[id]", players_sql="SELECT * FROM players")) as compared:
        yield compared


def values(*rows: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows]


def test_equal_tables_have_no_difference(compared: Compared) -> None:
    compared.source([])
    assert compared.differences() == []

    compared.source(values(ALEX, PETER))
    compared.send(PETER, ALEX)
    assert compared.differences() == []
    assert compared.comparison.rows == {"games.players": 2}


def test_expected_rows_that_were_created_ahead_are_used_once(compared: Compared) -> None:
    compared.source(values(ALEX))
    compared.send(ALEX)
    compared.comparison.recompute()
    compared.source(values(ALEX, PETER))

    assert compared.differences() == []
    assert compared.differences() == [
        'games.players [2]: expected {"id": 2, "name": "Peter", "score": 2}, found no row'
    ]


def test_expected_rows_are_created_again_in_the_order_of_the_first_value(compared: Compared) -> None:
    compared.source(values(ALEX))
    compared.comparison.recompute()
    compared.send({"score": 7, "name": "Alex", "id": 1})

    assert compared.differences() == []
    text = compared.database.row('SELECT value FROM "expected games.players"')
    assert text == ('{"score":7,"name":"Alex","id":1}',)


def test_every_kind_of_difference_is_reported(compared: Compared) -> None:
    compared.source(values(ALEX, PETER))
    compared.send({**ALEX, "score": 8}, {"id": 3, "name": "Žofie", "score": None})

    assert compared.differences() == [
        (
            'games.players [1]: expected {"id": 1, "name": "Alex", "score": 7}, '
            'found {"id": 1, "name": "Alex", "score": 8}'
        ),
        'games.players [2]: expected {"id": 2, "name": "Peter", "score": 2}, found no row',
        'games.players [3]: expected no row, found {"id": 3, "name": "Žofie", "score": null}',
    ]


@pytest.mark.parametrize("value", [{**ALEX, "more": None}, {"id": 1, "name": "Alex"}, {**ALEX, "score": "7"}])
def test_other_columns_and_types_are_differences(compared: Compared, value: dict[str, Any]) -> None:
    compared.source(values(ALEX))
    compared.send(value)

    assert len(compared.differences()) == 1


@pytest.mark.parametrize(
    "value",
    [
        b'{"score":7,"name":"Alex","id":1}',
        b' { "id": 1, "name": "\\u0041lex", "score": 7.0 } ',
        b'{"id":1,"name":"Alex","score":70e-1}',
    ],
)
def test_texts_of_equal_values_may_differ(compared: Compared, value: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_module, "CHUNK_ROWS", 1)
    compared.source(values(ALEX, PETER))
    compared.send(PETER, value)

    assert compared.differences() == []


def test_only_the_first_rows_are_returned_in_the_order_of_numbers(compared: Compared) -> None:
    compared.source([(number, "x", 1) for number in (10, 9, 100, 1, 2, 3, 4)])

    found = compared.comparison.compare(0.0)

    assert found.count == 7
    assert [difference.key for difference in found.first] == [(1,), (2,), (3,), (4,), (9,)]


def test_keys_of_several_columns_and_types(make_pipeline: Make) -> None:
    with comparing(make_pipeline(ONE_TOPIC % "[a, b]", players_sql="SELECT * FROM players")) as compared:
        compared.source([], "a VARCHAR, b INTEGER")
        compared.send({"a": None, "b": 1}, {"a": "x", "b": 2}, {"a": "x", "b": 1})

        assert [text.split(":")[0] for text in compared.differences()] == [
            "games.players [None, 1]",
            "games.players ['x', 1]",
            "games.players ['x', 2]",
        ]


@pytest.mark.parametrize(
    "names",
    [
        ("a", "a\0", "a ", " a", "A", "á", "a\u0301"),
        ('"', "\\", "/", "\b\f\n\r\t", "\x1f\x7f", "\u2028\u0085", "🏅", "李", "ß", "ss"),
    ],
)
def test_names_are_compared_exactly(make_pipeline: Make, names: tuple[str, ...]) -> None:
    """Also those that a collation of the source database would treat as equal."""
    rows = [{"name": name, "score": number} for number, name in enumerate(names)]
    with comparing(make_pipeline(ONE_TOPIC % "[name]", players_sql="SELECT * FROM players")) as compared:
        compared.source(values(*rows), "name VARCHAR, score INTEGER")
        compared.send(*rows)
        compared.send({"name": "b", "score": 0})

        assert [text.split(":")[0] for text in compared.differences()] == ["games.players ['b']"]


@pytest.mark.parametrize(
    ("kind", "value", "equal", "different"),
    [
        ("BIGINT", 2**53 + 1, "9007199254740993", "9007199254740992"),
        ("UBIGINT", 2**64 - 1, "18446744073709551615", "18446744073709551616"),
        ("HUGEINT", 10**30 + 1, "1000000000000000000000000000001", "1e30"),
        ("DECIMAL(38, 3)", Decimal("12345678901234567890.000"), "12345678901234567890", "12345678901234567891"),
        ("DECIMAL(10, 2)", Decimal("1.50"), "1.50", "1.51"),
        ("DOUBLE", 1 / 3, "0.3333333333333333", "0.33333333333333337"),
        ("DOUBLE", 1e10, "1.0E10", "10000000001"),
        ("DOUBLE", 7.0, "7", "7.1"),
        ("INTEGER", None, "null", "0"),
        ("BOOLEAN", True, "true", "false"),
        ("DATE", "2026-02-07", '"2026-02-07"', '"2026-02-08"'),
    ],
)
def test_values_of_every_type_are_compared_exactly(
    compared: Compared, kind: str, value: Any, equal: str, different: str
) -> None:
    compared.source([(1, value)], f"id INTEGER, value {kind}")
    compared.send(f'{{"id":1,"value":{equal}}}'.encode(), key=b"1")
    assert compared.differences() == []

    compared.send(f'{{"id":1,"value":{different}}}'.encode(), key=b"1")
    assert len(compared.differences()) == 1


def test_sums_are_integers_and_averages_exact_quotients(make_pipeline: Make) -> None:
    sql = "SELECT 1 AS id, SUM(score) AS total, SUM(score) * 1e0 / COUNT(*) AS average FROM players"
    with comparing(make_pipeline(ONE_TOPIC % "[id]", players_sql=sql)) as compared:
        compared.source([(number, "x", 2**31 - 1) for number in range(3)])
        compared.send({"id": 1, "total": 3 * (2**31 - 1), "average": 2147483647.0})

        assert compared.differences() == []


def test_row_has_differed_since_its_expected_value_last_changed(compared: Compared) -> None:
    compared.source(values(ALEX, PETER))
    compared.comparison.compare(100)
    compared.send({**ALEX, "score": 0}, key=b"1")
    compared.source(values(ALEX, {**PETER, "score": 3}))
    compared.comparison.compare(110)

    def settled(now: float, seconds: float) -> list[tuple[Any, ...]]:
        return [difference.key for difference in compared.comparison.differing.settled(now, seconds).first]

    assert settled(110, 10) == [(1,)]
    assert settled(110, 10.1) == []
    assert settled(115, 5) == [(1,), (2,)]

    compared.send(ALEX, key=b"1")
    compared.comparison.compare(116)
    compared.send({**ALEX, "score": 0}, key=b"1")
    compared.comparison.compare(118)
    assert settled(118, 2) == [(2,)]
    assert compared.comparison.differing.settled(118, 0).count == 2


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"{", "the value of key b'1' is not JSON: Expecting property name"),
        (b"", "the value of key b'1' is not JSON: Expecting value"),
        (b"\xff", "the value of key b'1' is not JSON: 'utf-8' codec can't decode"),
        (b'{"id":1,}', "the value of key b'1' is not JSON: "),
        (
            b'{"id":1,"name":"\\ud800","score":7}',
            "the value of key b'1' is not strict JSON: b'{",
        ),
        (b"[1]", "the value of key b'1' is not a JSON object: b'[1]'. Write a JSON object or a tombstone"),
        (b'{"score": 1}', 'the value {"score": 1} does not have id. Expected every key column of the check.'),
    ],
)
def test_value_that_is_not_a_row_is_named(compared: Compared, value: bytes, message: str) -> None:
    compared.source(values(ALEX))
    compared.send(value, key=b"1")

    with pytest.raises(CheckFailedError) as caught:
        compared.differences()

    assert str(caught.value).startswith(f"topic games.players: {message}")


@pytest.mark.parametrize("score", [7, 8])
def test_row_under_two_keys_is_an_error(compared: Compared, score: int) -> None:
    compared.source(values(ALEX, PETER))
    compared.send(ALEX, PETER, {**ALEX, "score": score})

    with pytest.raises(CheckFailedError) as caught:
        compared.differences()

    assert str(caught.value) == (
        "topic games.players: several records have the same id. Fix the job, or the key of the check."
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "SELECT score FROM players",
            (
                "players.sql: does not return the column id, which checks.games.players.key names. "
                "Fix the query or the key."
            ),
        ),
        (
            "SELECT 1 AS id FROM players",
            "players.sql: returns several rows with the same key (id). Fix the query or the key.",
        ),
        ("SELECT 1 AS id FROM athletes; -- a comment", "players.sql: the SQL cannot run: "),
        ("SELECT * FROM read_csv('/etc/passwd')", "players.sql: the SQL cannot run: Permission Error"),
    ],
)
def test_check_that_cannot_be_used_is_an_invalid_definition(make_pipeline: Make, query: str, message: str) -> None:
    with comparing(make_pipeline(ONE_TOPIC % "[id]", players_sql=query)) as compared:
        compared.source(values(ALEX, PETER))

        with pytest.raises(DefinitionError) as caught:
            compared.differences()

    assert str(caught.value).startswith(message)


def test_difference_shows_the_parts_of_its_key() -> None:
    assert str(Difference("t", (None, "x"), None, {"a": 1})) == "t [None, 'x']: expected no row, found {\"a\": 1}"


def test_found_value_without_a_key_column_is_an_error() -> None:
    with pytest.raises(CheckFailedError) as caught:
        found_table("games.players", [ALEX, {"name": "Peter"}], ("id", "score"))

    assert str(caught.value) == (
        'topic games.players: the value {"name": "Peter"} does not have id, score. Expected every key column of the '
        "check. Fix the job, or the key of the check."
    )


def test_two_records_of_one_row_are_an_error() -> None:
    with pytest.raises(CheckFailedError) as caught:
        found_table("games.players", [ALEX, PETER, {**ALEX, "score": 8}], ("id",))

    assert str(caught.value) == (
        "topic games.players: several records have the same id. Fix the job, or the key of the check."
    )
