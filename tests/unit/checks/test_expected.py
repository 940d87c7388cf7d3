"""The types of a source table in the check's database."""

from __future__ import annotations

import pytest

from infra.checks.expected import column_type
from infra.errors import DefinitionError
from infra.mysql.snapshot import SourceColumn


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
