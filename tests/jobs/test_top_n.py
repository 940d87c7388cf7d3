"""TopN on random changes of a table: each change of a rank fits the one before, and the last ones are right."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.conftest import changes_of
from tests.jobs.flink import flink_environment

CHANGES, KEYS, COUNT = 3_000, 150, 3
FIRST, LAST = "\ufb01", "\U0001f3c5"  # by code point; Java's String orders them the other way around
ELEMENTS = "ARRAY<ROW<score INT, id INT>>"
Change = tuple[Any, Any]  # the row before and after; None: it does not exist


def random_changes(seed: int) -> tuple[list[Change], dict[str, list[Any]]]:
    """Return changes of a table of keys and their elements, and the table after them."""
    chance = random.Random(seed)
    table: dict[str, list[Any]] = {}
    changes: list[Change] = []

    def change(key: str, elements: list[Any] | None) -> None:
        before = {"key": key, "value": table[key]} if key in table else None
        changes.append((before, None if elements is None else {"key": key, "value": elements}))
        if elements is None:
            del table[key]
        else:
            table[key] = elements

    while len(changes) < CHANGES:
        if chance.random() < 0.02:
            # A run of removals of the best keys leaves fewer than the first rows in the memory of the function.
            best = {key: max((each["score"] for each in elements), default=0) for key, elements in table.items()}
            for key in sorted(best, key=lambda key: best[key], reverse=True)[:60]:
                change(key, None)
        scores = [chance.randrange(50) for _ in range(chance.randrange(4))]
        change(f"key {chance.randrange(KEYS)}", [{"score": score, "id": chance.randrange(10**6)} for score in scores])
    return changes, table


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("backend", ["hashmap", "rocksdb"])
def test_first_elements_of_all_rows(seed: int, backend: str, tmp_path: Path) -> None:
    changes, table = random_changes(seed)
    ranks = ranks_after(changes, ELEMENTS, "createViewOfElements", "score DESC, id", backend, tmp_path)

    ordered = sorted((-each["score"], each["id"], key) for key in table for each in table[key])[:COUNT]
    assert ranks == {i + 1: {"key": key, "score": -score, "id": n} for i, (score, n, key) in enumerate(ordered)}


def test_ties_are_ordered_by_code_point(tmp_path: Path) -> None:
    changes = [(None, {"key": key, "value": 1.5 if key in (FIRST, LAST) else -1.5}) for key in (LAST, "a", FIRST, "b")]
    ranks = ranks_after(changes, "DOUBLE", "createView", "value DESC, key", "rocksdb", tmp_path)
    assert [ranks[rank]["key"] for rank in (1, 2, 3)] == [FIRST, LAST, "a"]


def test_order_by_an_unknown_column_is_rejected(tmp_path: Path) -> None:
    from py4j.protocol import Py4JJavaError

    with pytest.raises(Py4JJavaError, match="order 'points DESC': expected one of"):
        ranks_after([(None, {"key": "a", "value": 1.0})], "DOUBLE", "createView", "points DESC", "hashmap", tmp_path)


def ranks_after(
    changes: list[Change], value_type: str, method: str, order: str, backend: str, folder: Path
) -> dict[int, dict[str, Any]]:
    """Return the rows of a view of the first three by rank, after changes of a table of keys and values."""
    from pyflink.java_gateway import get_gateway

    environment = flink_environment({"state.backend.type": backend})
    (folder / "source").mkdir()
    lines = [json.dumps({"before": b, "after": a, "op": "d" if a is None else "u" if b else "c"}) for b, a in changes]
    (folder / "source" / "changes.json").write_text("\n".join(lines) + "\n", encoding="utf-8")
    source, sink = (_files(folder / name) for name in ("source", "sink"))
    environment.execute_sql(f"CREATE TABLE source (key STRING, `value` {value_type}) WITH ({source})")
    java, tables = get_gateway().jvm.olympicstreaming, environment._j_tenv
    stream = java.SharedView.createOfChanges(tables, "source", "shared", "key")
    getattr(java.TopN, method)(tables, stream, "key", "value", order, COUNT, "rank", "ranks")
    columns = "score INT, id INT" if value_type == ELEMENTS else f"`value` {value_type}"
    environment.execute_sql(f"CREATE TABLE sink (`rank` BIGINT, key STRING, {columns}) WITH ({sink})")
    environment.execute_sql("INSERT INTO sink SELECT * FROM ranks").wait()
    return _fold(folder / "sink")


def _files(folder: Path) -> str:
    return f"'connector' = 'filesystem', 'path' = '{folder}', 'format' = 'debezium-json'"


def _fold(folder: Path) -> dict[int, dict[str, Any]]:
    """Apply the changes, each of which must fit what is there."""
    ranks: dict[int, dict[str, Any]] = {}
    for change in changes_of(folder):
        if change["before"] is not None:
            assert ranks.pop(change["before"].pop("rank")) == change["before"]
        if change["after"] is not None:
            rank = change["after"].pop("rank")
            assert rank not in ranks
            ranks[rank] = change["after"]
    return ranks
