"""Which tables a name or pattern means, their keys, and why one is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.mysql.captured_tables import TableFacts, matching, problems_of
from infra.mysql.column_types import COLUMN_TYPES, CapturedColumn, check_type, comparable, type_of, why_refused
from infra.pipeline import CapturedTable

ID = CapturedColumn("id", "int", "int unsigned", nullable=False)
NAME = CapturedColumn("name", "varchar", "varchar(20)", charset="utf8mb4", collation="utf8mb4_general_ci")
TABLE = TableFacts("customers", "BASE TABLE", (ID, NAME), (("id",),))


def column(data_type: str, **facts: object) -> CapturedColumn:
    return replace(CapturedColumn("c", data_type, data_type), **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("patterns", "found", "unmatched"),
    [
        (["customers"], ["customers"], []),
        (["order_*", "orders"], ["order_1", "order_2", "orders"], []),
        (["order_[!1]", "order?"], ["order_2", "orders"], []),
        (["*"], ["customers", "order_1", "order_2", "orders", "Orders"], []),
        (["order", "x*", "customers"], ["customers"], ["order", "x*"]),
    ],
)
def test_names_and_patterns(patterns: list[str], found: list[str], unmatched: list[str]) -> None:
    tables = ["customers", "order_1", "order_2", "orders", "Orders"]
    assert matching(tables, patterns) == (sorted(found), unmatched)


@pytest.mark.parametrize(
    ("keys", "key", "split_by"),
    [
        ((("id",), ("name",)), ("id",), "id"),
        ((("name", "id"),), ("name", "id"), "id"),
        (((None,), ("name",)), ("name",), "name"),
        (((None, "id"),), (), ""),
        ((), (), ""),
    ],
)
def test_key(keys: tuple[tuple[str | None, ...], ...], key: tuple[str, ...], split_by: str) -> None:
    table = replace(TABLE, unique_keys=keys)
    assert (table.key, table.split_by) == (key, split_by)


def test_captured_table_has_its_columns_and_names_those_in_latin1() -> None:
    columns = (ID, replace(NAME, charset="latin1"), column("enum", charset="latin1"))
    types = (("id", "int", 0), ("name", "varchar", 0), ("c", "enum", 0))
    assert replace(TABLE, columns=columns).captured() == CapturedTable("customers", ("id",), "id", ("name",), types)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (
            TableFacts("customers", "VIEW"),
            "table customers is a view. Expected a base table. Remove it from source.mysql.tables.",
        ),
        (
            replace(TABLE, name="we$ird"),
            (
                "table we$ird: 'shop.we$ird' is not the name of a topic. Expected at most 249 letters, digits, dots, "
                "underscores and hyphens. Rename the table, or remove it from source.mysql.tables."
            ),
        ),
        (
            replace(TABLE, unique_keys=((None,),)),
            (
                "table customers has neither a primary key nor a unique key of NOT NULL columns. Add one with ALTER "
                "TABLE, or remove the table."
            ),
        ),
        (
            replace(TABLE, cascades=("fk_a", "fk_b")),
            (
                "table customers: the foreign key fk_a, fk_b changes its rows with those of another table, and the "
                "binlog does not contain these changes. Change the rules of the key to RESTRICT, or remove the table."
            ),
        ),
        (
            replace(TABLE, columns=(ID, column("vector"))),
            (
                "column c of table customers has the type vector, which is not captured. Expected a type of "
                "docs/column-types.md. Change its type, or remove the table."
            ),
        ),
        (
            replace(TABLE, columns=(ID, column("text", charset="gbk"))),
            (
                "column c of table customers has the character set gbk, of which the CDC connector does not decode "
                "every character. Convert the column to utf8mb4, or remove the table."
            ),
        ),
        (
            replace(TABLE, columns=(ID, column("float")), unique_keys=(("c", "id"),)),
            (
                "column c of table customers is in its key and has the type float. Expected a type that a key can have "
                "(docs/column-types.md). Change its type, or remove the table."
            ),
        ),
        (
            replace(TABLE, columns=(column("time"),), unique_keys=(("c",),)),
            (
                "table customers has a key of time, by which the CDC connector cannot read it. Expected a column of "
                "another type in it, such as an integer. Add one to the key, or remove the table."
            ),
        ),
        (
            replace(TABLE, unique_keys=(("name",),), has_parts=True),
            (
                "table customers has more than 50,000 rows, which the job reads in parts of its key, and orders the "
                "parts of varchar(20) in another way than the server. Add an integer column to the key, or give a text "
                "column a collation that ends with _bin."
            ),
        ),
    ],
)
def test_problem(table: TableFacts, problem: str) -> None:
    assert list(problems_of(table, "shop.")) == [problem]


@pytest.mark.parametrize(
    "table",
    [
        TABLE,
        replace(TABLE, has_parts=True),
        replace(TABLE, unique_keys=(("name",),)),
        replace(TABLE, unique_keys=(("name",),), columns=(replace(NAME, collation="utf8mb4_bin"),), has_parts=True),
    ],
)
def test_table_without_a_problem(table: TableFacts) -> None:
    assert list(problems_of(table, "shop.")) == []


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (column("enum", column_type=r"enum('a\\b')"), "has an ENUM value with a backslash"),
        (column("varchar", charset="utf8mb4", column_type="varchar(9) /*M!100301 COMPRESSED*/"), "is COMPRESSED"),
        (column("uuid"), "has the type uuid, which is not captured. Expected a type of docs/column-types.md"),
    ],
)
def test_refused_column(refused: CapturedColumn, reason: str) -> None:
    assert (why_refused(refused) or "").startswith(reason)


def test_each_type_has_one_entry() -> None:
    names = [name for kind in COLUMN_TYPES for name in kind.data_types]
    assert len(names) == len(set(names))
    assert all(type_of(column(name)) for name in names)


@pytest.mark.parametrize(
    ("selected", "expression", "kind"),
    [
        (ID, "`id`", "UBIGINT"),
        (column("bigint"), "`c`", "BIGINT"),
        (column("decimal", precision=65, scale=30), "CAST(CAST(`c` AS DECIMAL(65, 30)) AS CHAR)", "VARCHAR"),
        (column("blob", name="a`b"), r"REPLACE(TO_BASE64(`a``b`), '\n', '')", "VARCHAR"),
        (column("year"), "`c` + 0", "SMALLINT"),
        (column("json"), "CAST(`c` AS CHAR)", "JSON"),
    ],
)  # fmt: skip
def test_comparable_value(selected: CapturedColumn, expression: str, kind: str) -> None:
    assert (comparable(selected), check_type(selected)) == (expression, kind)
