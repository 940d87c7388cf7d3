"""infra/bench/figures.py: ratios within one run, and the goals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from infra.bench.captured import Captured
from infra.bench.figures import Figure, figures_of
from infra.bench.freshness import Freshness
from infra.bench.recovery import Recovery
from infra.bench.results import Results, write_results
from infra.bench.snapshot import Snapshot
from infra.bench.statistics import Percentiles
from infra.bench.throughput import Throughput
from infra.bench.whole_run import WholeRun


def throughput(name: str, rate: float | None) -> Throughput:
    return Throughput(name, name, 1_000, 1_000 / rate if rate else None, reason="" if rate else "wrong")


def whole_run(rows: int, seconds: float) -> WholeRun:
    tasks = {"check_outputs": 20.0, "audit_records": 10.0}
    return WholeRun(rows, 50.0, {"results": 50.0}, seconds, tasks, 6.0, {"dag": 501, "flink run": 300, "kafka": 900})


def captured(tables: int, snapshot: float, p99: float) -> Captured:
    by_hand = 4.0 if tables == 1 else None
    return Captured(tables, 1_000, snapshot, 1_000 / snapshot, by_hand, 3.0, Percentiles(9, 10, p99), 1_000 + tables, 3)


def results(quick: bool = False) -> Results:
    return Results(
        quick,
        "2 cores",
        "today",
        [throughput("analytics", 3_000), throughput("python", 1_500), throughput("bytewax", 1_100)],
        Freshness(Percentiles(9, 30, 50), Percentiles(9, 400, 1_000), Percentiles(9, 100, 1_001), 1_000, 999.6),
        Recovery(14.04, 15.26, 1_000, 999.6),
        Snapshot(10.0, 180.0, 1_000),
        [captured(1, 8.0, 20.0), captured(50, 10.0, 31.0)],
        [whole_run(1_000, 60.0), whole_run(10_000, 800.0)],
    )


def by_name(found: Results) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures_of(found)}


def test_goals_of_throughput_are_ratios() -> None:
    found = by_name(results())

    assert found["analytics against the best peer (bytewax), 1,000 records"].reached is False
    assert found["analytics against hand-written Python, 1,000 records"] == Figure(
        "analytics against hand-written Python, 1,000 records", "3,000 records/s", "2.00x", ">= 1.5x", True
    )


def test_many_captured_tables_are_compared_with_one() -> None:
    found = by_name(results())

    snapshot = found["snapshot, 1 captured table, 1,000 rows"]
    assert (snapshot.ratio, snapshot.reached) == ("0.50x of SELECT and a producer in Python", False)
    freshness = found["freshness, 50 captured tables, 1,000 rows"]
    assert (freshness.ratio, freshness.reached) == ("p99 1.55x of one table", False)
    assert found["memory of the TaskManager, 50 captured tables, 1,000 rows"].ratio == "1.05x of one table"


def test_wrong_results_have_no_figure_and_reach_no_goal() -> None:
    changed = results()
    changed.throughput[0] = throughput("analytics", None)
    found = by_name(changed)

    assert found["throughput, 1,000 records: analytics"].value == "no figure"
    assert found["analytics against hand-written Python, 1,000 records"].reached is False


def test_goals_of_freshness() -> None:
    found = by_name(results())

    assert found["freshness at low load"].ratio == "0.05x of the defaults' p99"
    assert found["freshness at low load"].reached is True
    assert found["freshness at 1,000 changes/s, 1,000 rows"].reached is False


def test_recovery_has_both_times() -> None:
    found = by_name(results())
    load = "recovery, TaskManager killed at 1,000 changes/s, 1,000 rows"

    assert found[f"{load}: all tasks run"].value == "14.0 s"
    assert found[f"{load}: first result"].value == "15.3 s"


def test_goals_of_a_whole_run() -> None:
    found = by_name(results())

    assert found["make run, 1,000 rows"].ratio == "1.20x by hand"
    assert found["checks after the last result, 1,000 rows"].ratio == "10% of the run"
    assert found["memory of the DAG's process, 1,000 rows"].reached is False
    assert found["largest process (kafka), 1,000 rows"].reached is True
    assert found["time per row at 10,000 rows, against 1,000"].ratio == "1.33x"
    assert found["time per row at 10,000 rows, against 1,000"].reached is False


def test_run_without_one_by_hand_has_no_ratio() -> None:
    run = replace(whole_run(1_000, 60.0), by_hand=None, parts={})
    found = by_name(Results(False, "2 cores", "today", runs=[run]))

    assert found["make run, 1,000 rows"] == Figure("make run, 1,000 rows", "60 s")
    assert "by hand, 1,000 rows" not in found


def test_clients_that_submit_are_not_part_of_the_dag() -> None:
    found = by_name(results())

    assert found["memory of the DAG's process, 1,000 rows"].value == "501 MB"
    assert found["memory of the clients that submit the jobs, 1,000 rows"].value == "300 MB"


def test_quick_sizes_compare_no_goal() -> None:
    assert {figure.reached for figure in figures_of(results(quick=True))} == {None}


def test_results_file_has_the_rates(tmp_path: Path) -> None:
    write_results(results(), [], tmp_path / "new" / "results.json")
    content = json.loads((tmp_path / "new" / "results.json").read_text())

    assert [round(found["rate"]) for found in content["throughput"]] == [3_000, 1_500, 1_100]
    assert content["runs"][0]["peak_mb"] == {"dag": 501, "flink run": 300, "kafka": 900}
