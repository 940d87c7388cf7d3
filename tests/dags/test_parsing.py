"""Parsing a DAG file is fast: it loads no client, and takes about as long as for a hand-written DAG."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.settings import ROOT
from tests.dags.conftest import AIRFLOW

CLIENTS = {"duckdb", "jmespath", "kafka", "MySQLdb", "pyflink", "httpx", "rich", "psutil", "supervisor"}
LIST_MODULES = """
import sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
assert bag.dags and not bag.import_errors, bag.import_errors
print("modules:", *sys.modules)
"""
EMPTY_DAG = "from airflow.sdk import DAG\n\ndag = DAG('empty', schedule=None)\n"
HAND_WRITTEN_DAG = """
tasks = []
with DAG('hand_written_{name}', schedule=None):
"""
HAND_WRITTEN_TASK = """
    @task(task_id="task_{number}")
    def task_{number}():
        pass

    tasks.append(task_{number}())
"""
PARSES = 15
TIMES_SLOWER = 8


def modules_after_parsing(path: Path) -> set[str]:
    """Return all modules of a new process that has parsed one DAG file."""
    environment = {**os.environ, **AIRFLOW, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LIST_MODULES, str(path)]
    answer = subprocess.run(command, env=environment, cwd=path.parent, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    [line] = [line for line in answer.stdout.splitlines() if line.startswith("modules: ")]
    return set(line.split()[1:])


@pytest.fixture(scope="module")
def airflows_own(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The modules that Airflow itself loads to parse a file with an empty DAG."""
    path = tmp_path_factory.mktemp("dags") / "empty.py"
    path.write_text(EMPTY_DAG)
    return modules_after_parsing(path)


@pytest.mark.parametrize("name", ["deploy.py", "daily_reload.py"])
def test_parsing_loads_no_client(name: str, airflows_own: set[str]) -> None:
    ours = modules_after_parsing(ROOT / "dags" / name) - airflows_own

    assert "infra.orchestration.dag_arguments" in ours
    assert CLIENTS & {module.split(".")[0] for module in ours} == set()
    assert {module for module in ours if module.startswith(("infra.stacks", "infra.kafka", "infra.mysql"))} == set()


def seconds_to_parse(path: Path) -> tuple[float, list[int]]:
    """Return the minimum of PARSES parses, so that load does not matter, and the number of tasks of each DAG."""
    from airflow.dag_processing.dagbag import DagBag

    durations = []
    for _ in range(PARSES):
        begun = time.perf_counter()
        bag = DagBag(path)
        durations.append(time.perf_counter() - begun)
        assert bag.dags
    return min(durations), sorted(len(dag.tasks) for dag in bag.dags.values())


def test_parsing_takes_about_as_long_as_a_hand_written_dag(tmp_path: Path) -> None:
    ours, sizes = seconds_to_parse(ROOT / "dags" / "deploy.py")
    lines = ["from airflow.sdk import DAG, task\n"]
    for name, tasks in enumerate(sizes):
        lines.append(HAND_WRITTEN_DAG.format(name=name))
        lines += [HAND_WRITTEN_TASK.format(number=number) for number in range(tasks)]
    hand_written = tmp_path / "hand_written.py"
    hand_written.write_text("".join(lines))

    theirs, same_sizes = seconds_to_parse(hand_written)

    assert same_sizes == sizes
    ratio = ours / theirs
    assert ratio < TIMES_SLOWER, f"parsing takes {ratio:.1f} times as long as a hand-written DAG of as many tasks"
