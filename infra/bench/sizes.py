"""The sizes of everything that the benchmark measures: the whole one, and a quick one that only checks results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sizes:
    """Numbers of records, rows and changes; `load_rows` are those of the parts under load.

    Each series of probes ends after `probe_seconds`, even if changes are left. The load of the recovery lasts for
    `recovery_load_seconds` before the kill, and again after the first result. `contestants` is the number of those
    that run at the same time. Their results are compared when they have not changed for the first of
    `quiet_seconds`, and if they differ, after the next. `captured` has numbers of tables, with their rows in all. A
    run by hand is measured only if `by_hand`. `stack` has the settings of the parts' common stack that differ, by
    their keys.
    """

    changelogs: tuple[int, ...]
    contestants: int
    quiet_seconds: tuple[float, ...]
    heap_taskmanager_mb: int | None
    warm_up: int
    changes: int
    default_changes: int
    load_rows: int
    load_probes: int
    probe_seconds: float
    recovery_load_seconds: float
    snapshot_rows: int
    default_snapshot_rows: int
    captured: tuple[tuple[int, int], ...]
    run_rows: tuple[int, ...]
    by_hand: bool
    stack: Mapping[str, str] = field(default_factory=dict)


WHOLE = Sizes(
    changelogs=(1_000_000, 5_000_000),
    contestants=1,
    quiet_seconds=(4.0, 30.0),
    heap_taskmanager_mb=6144,
    warm_up=200,
    changes=600,
    default_changes=200,
    load_rows=1_000_000,
    load_probes=600,
    probe_seconds=180,
    recovery_load_seconds=20,
    snapshot_rows=1_000_000,
    default_snapshot_rows=100_000,
    captured=((1, 1_000_000), (50, 1_000_000), (50, 10_000_000)),
    run_rows=(1_000_000,),
    by_hand=True,
)
# Each part once, and small: within five minutes. Times of such sizes say nothing, so no goal is compared.
QUICK = Sizes(
    changelogs=(10_000,),
    contestants=2,
    quiet_seconds=(1.0, 4.0, 30.0),
    heap_taskmanager_mb=None,
    warm_up=5,
    changes=30,
    default_changes=10,
    load_rows=20_000,
    load_probes=30,
    probe_seconds=12,
    recovery_load_seconds=3,
    snapshot_rows=50_000,
    default_snapshot_rows=10_000,
    captured=((1, 20_000), (5, 20_000)),
    run_rows=(300_000,),
    by_hand=False,
    stack={"flink_checkpoint_interval_ms": "1000"},  # a job is healthy only after a checkpoint
)
