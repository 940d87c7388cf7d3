"""The figures of the benchmark with their goals, computed from what was measured; pure.

A goal is a ratio within one run, so that it holds on any machine, or a bound of time or memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infra.bench.contestants import PEERS
from infra.bench.results import Results
from infra.bench.throughput import Throughput
from infra.bench.whole_run import CHECK_TASKS, WholeRun

MIB_OF_8_GIB = 8 * 1024


@dataclass(frozen=True)
class Figure:
    """A row of the table: what, its value, its ratio to something of the same run, the goal, and whether it is met.

    `reached` is None if the figure does not have a goal, or if sizes are too small to compare it.
    """

    name: str
    value: str
    ratio: str = ""
    goal: str = ""
    reached: bool | None = None


def figures_of(results: Results) -> list[Figure]:
    """Return all figures of a run; without verdicts on goals if its sizes were quick."""
    found = [
        *_throughput(results), *_freshness(results), *_recovery(results), *_snapshot(results), *_captured(results),
        *_runs(results),
    ]  # fmt: skip
    if not results.quick:
        return found
    return [Figure(figure.name, figure.value, figure.ratio, figure.goal, None) for figure in found]


def _throughput(results: Results) -> Iterator[Figure]:
    for records in results.sizes():
        rates = results.rates(records)
        measured = [found for found in results.throughput if found.records == records]
        for found in measured:
            value = f"{found.rate:,.0f} records/s" if found.rate else "no figure"
            yield Figure(f"throughput, {records:,} records: {found.title}", value)
        # Each with its own verdict, so that no goal is reached only by the better one.
        for ours in measured:
            if ours.contestant in ("analytics", "analytics_heap"):
                yield from _comparisons(ours, rates)


def _comparisons(ours: Throughput, rates: dict[str, float]) -> Iterator[Figure]:
    size = f"{ours.records:,} records"
    peers = {name: rates[name] for name in PEERS if name in rates}
    if peers:
        best = max(peers, key=lambda name: peers[name])
        yield _ratio(f"{ours.title} against the best peer ({best}), {size}", ours.rate, peers[best], 3.0)
    for other, title, least in (("python", "hand-written Python", 1.5), ("flink_blackhole", "Flink to blackhole", 0.5)):
        if other in rates:
            yield _ratio(f"{ours.title} against {title}, {size}", ours.rate, rates[other], least)


def _ratio(name: str, ours: float | None, other: float, least: float) -> Figure:
    goal = f">= {least:g}x"
    if ours is None:
        return Figure(name, "no figure", goal=goal, reached=False)
    return Figure(name, f"{ours:,.0f} records/s", f"{ours / other:.2f}x", goal, ours >= least * other)


def _freshness(results: Results) -> Iterator[Figure]:
    found = results.freshness
    if found is None:
        return
    yield Figure("freshness, the connector's defaults", _times(found.defaults.p50, found.defaults.p99))
    ratio = found.tuned.p99 / found.defaults.p99
    tuned = _times(found.tuned.p50, found.tuned.p99)
    yield Figure("freshness at low load", tuned, f"{ratio:.2f}x of the defaults' p99", "<= 0.1x", ratio <= 0.1)
    load = f"freshness at {found.load_rate:,.0f} changes/s, {found.load_rows:,} rows"
    yield Figure(load, _times(found.load.p50, found.load.p99), "", "p99 <= 1 s", found.load.p99 <= 1000)


def _times(p50: float, p99: float) -> str:
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms"


def _recovery(results: Results) -> Iterator[Figure]:
    if results.recovery:
        found = results.recovery
        load = f"TaskManager killed at {found.load_rate:,.0f} changes/s, {found.rows:,} rows"
        yield Figure(f"recovery, {load}: all tasks run", f"{found.running:.1f} s")
        yield Figure(f"recovery, {load}: first result", f"{found.first_result:.1f} s")


def _snapshot(results: Results) -> Iterator[Figure]:
    if results.snapshot:
        found = results.snapshot
        ratio = f"{found.tuned / found.defaults:.1f}x of the defaults"
        yield Figure(f"snapshot, {found.rows:,} rows", f"{found.tuned:,.0f} rows/s", ratio)


def _captured(results: Results) -> Iterator[Figure]:
    one = next((found for found in results.captured if found.tables == 1), None)
    for found in results.captured:
        name = f"{found.tables} captured table{'s' if found.tables > 1 else ''}, {found.rows:,} rows"
        snapshot = f"{found.snapshot:.0f} s with the job's start, then {found.rate:,.0f} rows/s"
        if found.by_hand:
            ratio = found.rate / (found.rows / found.by_hand)
            by_hand = f"{ratio:.2f}x of SELECT and a producer in Python"
            yield Figure(f"snapshot, {name}", snapshot, by_hand, ">= 0.6x", ratio >= 0.6)
        else:
            yield Figure(f"snapshot, {name}", snapshot)
        yield Figure(f"check, {name}", f"{found.check:.0f} s")
        times, memory = _times(found.freshness.p50, found.freshness.p99), f"{found.taskmanager_mb:,} MB"
        if one is None or found is one:
            yield Figure(f"freshness, {name}", times)
            yield Figure(f"memory of the TaskManager, {name}", memory)
        else:
            ratio = found.freshness.p99 / one.freshness.p99
            yield Figure(f"freshness, {name}", times, f"p99 {ratio:.2f}x of one table", "<= 1.5x", ratio <= 1.5)
            share = found.taskmanager_mb / one.taskmanager_mb
            yield Figure(f"memory of the TaskManager, {name}", memory, f"{share:.2f}x of one table")
        yield Figure(f"connections to the database, {name}", str(found.connections))


def _runs(results: Results) -> Iterator[Figure]:
    for run in results.runs:
        yield from _run(run)
    if len(results.runs) > 1:
        small, large = results.runs[0], results.runs[-1]
        ratio = (large.run / large.rows) / (small.run / small.rows)
        name = f"time per row at {large.rows:,} rows, against {small.rows:,}"
        yield Figure(name, f"{large.run / large.rows * 1e6:.0f} us", f"{ratio:.2f}x", "<= 1.3x", ratio <= 1.3)


def _run(run: WholeRun) -> Iterator[Figure]:
    rows = f"{run.rows:,} rows"
    if run.by_hand is None:
        yield Figure(f"make run, {rows}", f"{run.run:.0f} s")
    else:
        ratio = run.run / run.by_hand
        yield Figure(f"by hand, {rows}", f"{run.by_hand:.0f} s")
        yield Figure(f"make run, {rows}", f"{run.run:.0f} s", f"{ratio:.2f}x by hand", "<= 1.3x", ratio <= 1.3)
    share = run.check_seconds / run.run
    value = f"{run.check_seconds:.1f} s"
    yield Figure(f"checks after the last result, {rows}", value, f"{share:.0%} of the run", "<= 15%", share <= 0.15)
    waiting = sum(run.tasks.get(task, 0) for task in CHECK_TASKS)
    yield Figure(
        f"tasks of the checks with their wait, {rows}", f"{waiting:.1f} s", f"{waiting / run.run:.0%} of the run"
    )
    dag = run.peak_mb.get("dag", 0)
    yield Figure(f"memory of the DAG's process, {rows}", f"{dag:,} MB", "", "<= 500 MB", 0 < dag <= 500)
    if "flink run" in run.peak_mb:
        yield Figure(f"memory of the clients that submit the jobs, {rows}", f"{run.peak_mb['flink run']:,} MB")
    largest = max(run.peak_mb, key=lambda name: run.peak_mb[name], default="")
    if largest:
        size = run.peak_mb[largest]
        yield Figure(f"largest process ({largest}), {rows}", f"{size:,} MB", "", "<= 8 GiB", size <= MIB_OF_8_GIB)
