"""A deployment and a reload that start together run one after the other."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from infra.pipeline.naming import TASK_LOGGER
from tests.local.olympics.conftest import Deployment

WAITS = ("only_latest_day", "wait_for_file", "wait_for_other_runs")
LINE = re.compile(rf"^(?P<time>\S+Z) \[\w+ *\] (?P<task>\w+): .*\[{re.escape(TASK_LOGGER)}\]", re.MULTILINE)


def work_of(deployment: Deployment, dag_id: str) -> tuple[datetime, datetime]:
    """When the first and the last task of the run reported, without the waits for its turn."""
    log = (deployment.stack.settings.data_dir / "logs" / f"{dag_id}.log").read_text(encoding="utf-8")
    times = [datetime.fromisoformat(match["time"]) for match in LINE.finditer(log) if match["task"] not in WAITS]
    return times[0], times[-1]


def test_deployment_and_reload_do_not_overlap(seeded: Deployment) -> None:
    runs: dict[str, dict[str, object]] = {
        "olympics_deploy": {"target": "local"},
        "olympics_daily_reload": {"target": "local", "data_file": "data/players.csv"},
    }

    with ThreadPoolExecutor() as pool:
        for future in [pool.submit(seeded.dag, dag_id, conf) for dag_id, conf in runs.items()]:
            future.result(timeout=300)

    (_, first_end), (second_begin, _) = sorted(work_of(seeded, dag_id) for dag_id in runs)
    assert first_end < second_begin
