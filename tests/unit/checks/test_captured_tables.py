"""The check of a captured table: the expected rows are those of the table, with the JSON that its topic must have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.checks.compare import Comparison
from infra.checks.expected import create_expected, expected_of
from infra.checks.topic_database import TopicDatabase
from infra.pipeline import CapturedTable, Job, MySqlSource, Pipeline, Source, TableTopics

SOURCE = MySqlSource(database="shop", tables=("order*",), topics=TableTopics(prefix="shop.", partitions=1))
ORDERS = CapturedTable("orders", ("id", "line"), "id")
PIPELINE = Pipeline(
    name="shop",
    description="The tables of a shop",
    source=Source(mysql=SOURCE),
    jobs={"capture": Job(script="capture.py", uses=("kafka", "mysql"))},
).with_tables([ORDERS])
COLUMNS = "id UBIGINT, line BIGINT, price VARCHAR, weight DOUBLE, more JSON"


def test_expected_rows_are_those_of_the_table() -> None:
    with TopicDatabase(PIPELINE) as database:
        database.create_source_table("orders", COLUMNS)
        rows = [(2**64 - 1, 1, "10.50", 1.5, '{"b": [1, null], "a": 18446744073709551615}'), (7, 2, None, None, None)]
        with database.connection.appender("orders") as appender:
            appender.append_rows(rows)
        table = create_expected(database, "shop.orders")
        found = database.connection.execute(f"SELECT key, value FROM {table} ORDER BY key").fetchall()

    assert table == expected_of("shop.orders")
    assert [(json.loads(key), json.loads(value)) for key, value in found] == [
        (
            [2**64 - 1, 1],
            {"id": 2**64 - 1, "line": 1, "price": "10.50", "weight": 1.5, "more": {"b": [1, None], "a": 2**64 - 1}},
        ),
        ([7, 2], {"id": 7, "line": 2, "price": None, "weight": None, "more": None}),
    ]


@pytest.mark.parametrize(
    ("found", "differing"),
    [
        ({"id": 7, "line": 1, "price": None, "weight": None, "more": None}, 0),
        ({"id": 7, "line": 1, "price": None}, 0),  # written before the other columns were added
        ({"id": 7, "line": 1, "weight": 1.5}, 1),
        ({"id": 7, "line": 1, "old": None}, 1),  # a column that was dropped
    ],
)
def test_row_from_before_a_column_was_added_has_null_in_it(found: dict[str, Any], differing: int) -> None:
    with TopicDatabase(PIPELINE) as database:
        database.create_source_table("orders", COLUMNS)
        with database.connection.appender("orders") as appender:
            appender.append_rows([(7, 1, None, None, None)])
        database.append("shop.orders", [(0, 0, 0, b'{"id":7,"line":1}', json.dumps(found).encode())])

        assert Comparison(database).compare(0).count == differing
