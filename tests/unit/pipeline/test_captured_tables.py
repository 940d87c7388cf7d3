"""Pipelines that capture tables: what a definition may say, and what the found tables add to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.errors import DefinitionError
from infra.pipeline import CapturedTable, Pipeline, TableCheck, load_pipeline

DEFINITION = """\
name: shop
description: The tables of a shop
source:
  mysql:
    database: shop
    tables: [customers, "order_*"]
    topics: {prefix: shop., partitions: 2, config: {max.message.bytes: 4194304}}
jobs:
  capture: {script: capture.py, uses: [kafka, mysql], parallelism: 2}
"""
CUSTOMERS = CapturedTable("customers", ("id",), "id")
ITEMS = CapturedTable("order_items", ("order_id", "line"), "order_id", ("note",))
TOPICS = "    topics: {prefix: shop., partitions: 2, config: {max.message.bytes: 4194304}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "capture.py").write_text("")
    return folder


def load(folder: Path, definition: str = DEFINITION) -> Pipeline:
    (folder / "pipeline.yaml").write_text(definition)
    return load_pipeline(folder)


def test_found_tables_add_topics_checks_and_what_the_job_writes(folder: Path) -> None:
    pipeline = load(folder)
    assert (pipeline.topics, pipeline.checks, pipeline.captured) == ({}, {}, ())

    found = pipeline.with_tables([CUSTOMERS, ITEMS])

    assert found.captured == (CUSTOMERS, ITEMS)
    assert found.jobs["capture"].writes == ("shop.customers", "shop.order_items")
    assert found.checks["shop.order_items"] == TableCheck(
        key=("order_id", "line"), expect="table order_items", table=ITEMS
    )
    assert found.topics.keys() == {"shop.customers", "shop.order_items", "shop.reloads"}
    topic = found.topics["shop.customers"]
    assert topic.partitions == 2
    assert topic.options() == {"cleanup.policy": "compact", "max.message.bytes": "4194304"}


def test_topic_of_a_table_is_not_that_of_the_reloads(folder: Path) -> None:
    reloads = replace(CUSTOMERS, name="reloads")

    with pytest.raises(
        DefinitionError, match=r"topic shop\.reloads is the platform's, and would also be that of table"
    ):
        load(folder).with_tables([CUSTOMERS, reloads])


def test_pipeline_with_one_table_stays_as_it_is(folder: Path) -> None:
    topics = "topics:\n  shop.customers: {partitions: 1, cleanup_policy: compact}\nsource:"
    one = DEFINITION.replace('tables: [customers, "order_*"]', "table: customers").replace(TOPICS, "")
    (folder / "customers.sql").write_text("")
    checks = "checks:\n  shop.customers: {key: [id], expect: customers.sql}\n"
    pipeline = load(folder, one.replace("source:", topics) + checks)

    assert pipeline.source_table == "customers"
    assert pipeline.with_tables([CUSTOMERS]) is pipeline


def test_source_table_of_a_pipeline_that_captures_tables_does_not_exist(folder: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        _ = load(folder).source_table
    assert str(caught.value) == "pipeline shop does not have source.mysql.table; it captures tables."


@pytest.mark.parametrize(
    ("text", "replacement", "error"),
    [
        (
            "    database: shop\n", "    database: shop\n    table: customers\n",
            "source.mysql: must have exactly one of table and tables. Add or remove one.",
        ),
        (
            '    tables: [customers, "order_*"]\n', "",
            "source.mysql: must have exactly one of table and tables. Add or remove one.",
        ),
        (
            TOPICS, "",
            (
                "source.mysql: must have topics, the topics of tables, such as {prefix: shop., partitions: 2}. Add "
                "them."
            ),
        ),
        (
            '    tables: [customers, "order_*"]\n', "    table: customers\n",
            "source.mysql: must not have topics without tables. Remove it.",
        ),
        (
            TOPICS, f"{TOPICS}    seed: {{schema: capture.py, data: capture.py}}\n",
            "source.mysql: must not have a seed with tables, which are only read. Remove it.",
        ),
        (
            "uses: [kafka, mysql], ", "",
            (
                "jobs: no job uses mysql, but exactly one job must, which reads the binlog once for all of "
                "source.mysql.tables. Fix uses."
            ),
        ),
        (
            "jobs:\n", "jobs:\n  other: {script: capture.py, uses: [mysql]}\n",
            (
                "jobs: other, capture uses mysql, but exactly one job must, which reads the binlog once for all of "
                "source.mysql.tables. Fix uses."
            ),
        ),
        (
            "source:\n", "topics:\n  shop.totals: {partitions: 1, cleanup_policy: compact}\nsource:\n",
            "topics: 'shop.totals' begins with source.mysql.topics.prefix. Rename it, or change the prefix.",
        ),
    ],
)  # fmt: skip
def test_broken_definition(folder: Path, text: str, replacement: str, error: str) -> None:
    assert text in DEFINITION
    with pytest.raises(DefinitionError) as caught:
        load(folder, DEFINITION.replace(text, replacement, 1))
    assert str(caught.value) == f"{folder / 'pipeline.yaml'}: {error}"


def test_topics_and_checks_are_missing_only_without_tables(folder: Path) -> None:
    one = DEFINITION.replace('tables: [customers, "order_*"]', "table: customers").replace(TOPICS, "")
    with pytest.raises(DefinitionError) as caught:
        load(folder, one)

    path = folder / "pipeline.yaml"
    assert str(caught.value).splitlines() == [
        f"{path}: topics: is empty, but must have at least 1 item.",
        f"{path}: checks: is empty, but must have at least 1 item, because without a check a run proves nothing.",
    ]
