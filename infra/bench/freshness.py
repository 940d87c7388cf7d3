"""Freshness: the time from a commit in the database to the changed top three in the topic, one probe at a time.

At low load with the pipeline's settings and with the connector's defaults, and while a second connection changes
1,000 rows per second.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from infra.bench.load import LoadedTable, changing_rows
from infra.bench.probe import top_three_probe
from infra.bench.sizes import Sizes
from infra.bench.stack import prepare, render, say, start, with_defaults
from infra.bench.statistics import Percentiles, percentiles
from infra.pipeline import Pipeline
from infra.settings import Settings

PAUSE_SECONDS = 0.05
PROBE_SECONDS = 60


@dataclass(frozen=True)
class Freshness:
    """All percentiles; `load_rows` is the number of rows of state under load, `load_rate` the changes per second."""

    tuned: Percentiles
    defaults: Percentiles
    load: Percentiles
    load_rows: int
    load_rate: float


def measure_freshness(settings: Settings, pipeline: Pipeline, sizes: Sizes, loaded: LoadedTable) -> Freshness:
    """Measure on a running stack; CheckFailedError if results under load are wrong."""
    cdc, analytics = (render(settings, pipeline, job) for job in ("players_cdc", "analytics"))
    prepare(settings, pipeline, pipeline.path(pipeline.seed.data))
    start(settings, pipeline, with_defaults(cdc), analytics)
    defaults = _probe(settings, pipeline, sizes.warm_up, sizes.default_changes, sizes.probe_seconds)
    say(f"freshness with the connector's defaults: {defaults}")
    start(settings, pipeline, cdc)
    tuned = _probe(settings, pipeline, sizes.warm_up, sizes.changes, sizes.probe_seconds)
    say(f"freshness at low load: {tuned}")
    with loaded.used():
        with changing_rows(settings, loaded.rows) as changed:
            load = _probe(settings, pipeline, sizes.warm_up, sizes.load_probes, sizes.probe_seconds)
            rate = changed()
        say(f"freshness at {rate:,.0f} changes/s with {loaded.rows:,} rows: {load}")
    return Freshness(tuned, defaults, load, loaded.rows, rate)


def _probe(settings: Settings, pipeline: Pipeline, warm_up: int, changes: int, seconds: float) -> Percentiles:
    """Measure changes after a warm-up, as many as fit into the time; slow ones must not make the benchmark endless."""
    milliseconds: list[float] = []
    deadline = time.monotonic() + seconds
    with top_three_probe(settings, pipeline) as probe:
        while len(milliseconds) < warm_up + changes:
            committed = probe.commit_change()
            milliseconds.append((probe.await_result(PROBE_SECONDS) - committed) * 1000)
            if time.monotonic() >= deadline:
                break
            time.sleep(PAUSE_SECONDS)  # one change at a time, at low load
    return percentiles(milliseconds[warm_up:] or milliseconds)
