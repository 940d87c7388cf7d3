"""Everything that a run of the benchmark has measured, and its results file."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from infra.bench.captured import Captured
from infra.bench.freshness import Freshness
from infra.bench.recovery import Recovery
from infra.bench.snapshot import Snapshot
from infra.bench.throughput import Throughput
from infra.bench.whole_run import WholeRun


@dataclass
class Results:
    """The results by part; a part that was not run or has failed is empty. `errors` has a message for each failure."""

    quick: bool
    machine: str
    measured_at: str
    throughput: list[Throughput] = field(default_factory=list)
    freshness: Freshness | None = None
    recovery: Recovery | None = None
    snapshot: Snapshot | None = None
    captured: list[Captured] = field(default_factory=list)
    runs: list[WholeRun] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def rates(self, records: int) -> dict[str, float]:
        """Return the records per second of each contestant with right results, for one size."""
        return {found.contestant: found.rate for found in self.throughput if found.records == records and found.rate}

    def sizes(self) -> list[int]:
        """Return the sizes of the measured changelogs, ascending."""
        return sorted({found.records for found in self.throughput})


def new_results(quick: bool) -> Results:
    """Return results without figures, for this machine and moment."""
    memory = psutil.virtual_memory().total / 1024**3
    machine = f"{len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"
    return Results(quick, machine, datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))


def write_results(results: Results, figures: list[dict[str, Any]], path: Path) -> None:
    """Write the results and their figures as JSON; an interrupted benchmark leaves the parts that are complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rates = [asdict(found) | {"rate": found.rate} for found in results.throughput]
    content = {**asdict(results), "throughput": rates, "figures": figures}
    incoming = path.with_suffix(".incoming")
    incoming.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    incoming.replace(path)
