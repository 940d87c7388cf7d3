"""infra/bench/whole_run.py: the times of tasks, from the output of `airflow dags test`."""

from __future__ import annotations

from infra.bench.whole_run import Span, spans_of, task_seconds

LOG = """\
2026-11-26T03:10:03.503116Z [info     ] [DAG TEST] starting task_id=seed_mysql map_index=-1 [airflow.sdk] loc=1
2026-11-26T03:10:03.600000Z [info     ] seed_mysql: table players: created [infra.tasks] loc=failures.py:65
2026-11-26T03:10:05.503116Z [info     ] [DAG TEST] end task task_id=seed_mysql map_index=-1 [airflow.sdk] loc=1
2026-11-26T03:10:06.000000Z [info     ] [DAG TEST] starting task_id=wait_for_job map_index=-1 [airflow.sdk] loc=1
2026-11-26T03:10:07.000000Z [info     ] [DAG TEST] end task task_id=wait_for_job map_index=-1 [airflow.sdk] loc=1
2026-11-26T03:10:08.000000Z [info     ] [DAG TEST] starting task_id=wait_for_job map_index=-1 [airflow.sdk] loc=1
2026-11-26T03:10:09.000000Z [info     ] [DAG TEST] end task task_id=wait_for_job map_index=-1 [airflow.sdk] loc=1
2026-11-26T03:10:10.000000Z [info     ] [DAG TEST] starting task_id=check_outputs map_index=-1 [airflow.sdk] loc=1
"""


def test_times_of_a_task_are_added_and_one_without_an_end_has_none() -> None:
    assert task_seconds(spans_of(LOG.splitlines())) == {"seed_mysql": 2.0, "wait_for_job": 2.0}


def test_only_the_time_after_a_moment_counts() -> None:
    span = Span("check_outputs", 10.0, 14.0)

    assert [span.after(moment) for moment in (0, 12, 20)] == [4.0, 2.0, 0]
