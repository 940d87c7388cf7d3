"""The check of a captured table: the expected rows are those of the table, with the JSON that its topic must have."""

from __future__ import annotations

import json

from infra.checks.expected import create_expected, expected_of
from infra.checks.topic_database import TopicDatabase
from infra.pipeline import CapturedTable, Job, MySqlSource, Pipeline, Source, TableTopics

SOURCE = MySqlSource(database="shop", tables=("order*",), topics=TableTopics(prefix="shop.", partitions=1))
ORDERS = CapturedTable("orders", ("id", "line"), "id")
COLUMNS = "id UBIGINT, line BIGINT, price VARCHAR, weight DOUBLE, more JSON"


def test_expected_rows_are_those_of_the_table() -> None:
    pipeline = Pipeline(
        name="shop",
        description="The tables of a shop",
        source=Source(mysql=SOURCE),
        jobs={"capture": Job(script="capture.py", uses=("kafka", "mysql"))},
    ).with_tables([ORDERS])

    with TopicDatabase(pipeline) as database:
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
