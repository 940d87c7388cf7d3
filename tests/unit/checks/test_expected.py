"""The source table in the check's database: its types, and its name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.checks.compare import Comparison
from infra.checks.expected import column_type
from infra.checks.topic_database import TopicDatabase
from infra.errors import DefinitionError
from infra.mysql.snapshot import SourceColumn
from infra.pipeline import Pipeline


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (SourceColumn("id", "int"), "INTEGER"),
        (SourceColumn("id", "mediumint", unsigned=True), "UINTEGER"),
        (SourceColumn("id", "bigint", unsigned=True), "UBIGINT"),
        (SourceColumn("price", "decimal", precision=12, scale=2), "DECIMAL(12, 2)"),
        (SourceColumn("weight", "float"), "DOUBLE"),
        (SourceColumn("born", "date"), "DATE"),
        (SourceColumn("at", "timestamp"), "TIMESTAMP"),
        (SourceColumn("photo", "blob"), "BLOB"),
        (SourceColumn("name", "varchar"), "VARCHAR"),
        (SourceColumn("more", "json"), "VARCHAR"),
    ],
)
def test_types_of_columns(column: SourceColumn, kind: str) -> None:
    assert column_type(column) == kind


def test_decimal_that_is_too_long_is_named() -> None:
    with pytest.raises(DefinitionError) as caught:
        column_type(SourceColumn("price", "decimal", precision=65))

    assert str(caught.value) == (
        "column 'price' is a decimal of 65 digits, but the checks support 38. Change its type."
    )


@pytest.mark.parametrize("table", ["records", "quarantine", "players", "checked"])
def test_source_table_may_have_any_name(make_pipeline: Callable[..., Pipeline], table: str) -> None:
    totals = f"SELECT nationality, SUM(score) AS total FROM {table} GROUP BY nationality"
    pipeline = make_pipeline(players_sql=f"SELECT id, nationality FROM {table}", totals_sql=totals)
    with TopicDatabase(pipeline) as database:
        for _ in range(2):
            database.create_source_table(table, "id INTEGER, nationality VARCHAR, score INTEGER")
        database.connection.execute(f"INSERT INTO {table} VALUES (1, 'US', 7)")
        database.append("games.players", [(0, 0, 0, b"1", b'{"id":1,"nationality":"US"}')])
        database.append("games.totals", [(0, 0, 0, b"1", b'{"nationality":"US","total":7}')])

        assert Comparison(database).compare(0.0).count == 0
