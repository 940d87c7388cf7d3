"""A user's work with Docker Compose: up, deploy, change rows, scale, lose containers, down and up again."""

from __future__ import annotations

import importlib.util
import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.errors import UnreachableError
from infra.settings import ROOT
from infra.waiting import wait_until
from tests.compose.conftest import Platform
from tests.compose.engine import EngineError, model_of
from tests.support.olympics_model import SEED
from tests.support.shop import ORDERS, create_tables

THREE_CHANGES = (
    "INSERT INTO players (name, nationality, score) VALUES ('Mary', 'Italy', 9)",
    "UPDATE players SET score = 10 WHERE name = 'Alex'",
    "DELETE FROM players WHERE id = 2",
)
CHANGING = ("provision_topics", "seed_mysql", "create_configmaps", "submit_players_cdc", "submit_analytics")

IN_IMAGE = "/opt/olympic-streaming"
# The packages of pytest that the image does not have.
BORROWED = ("pytest", "_pytest", "iniconfig", "py")


def await_agreement(platform: Platform, seconds: float = 120) -> float:
    """Wait until the topics equal the model's outputs, and return the seconds, including the time to read them."""
    begun, expected = time.monotonic(), platform.project.expected()
    wait_until(lambda: platform.project.results() == expected, "the outputs to agree", seconds)
    return time.monotonic() - begun


def task_managers(platform: Platform) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = from_flink(platform, "taskmanagers")["taskmanagers"]
    return found


def job_ids(platform: Platform) -> set[str]:
    """Return the ids of the running jobs."""
    return {job["jid"] for job in from_flink(platform, "jobs/overview")["jobs"] if job["state"] == "RUNNING"}


def from_flink(platform: Platform, path: str) -> dict[str, Any]:
    """Return an answer of Flink's REST interface; UnreachableError while the JobManager starts."""
    try:
        answer = httpx.get(f"{platform.flink}/{path}", timeout=10)
    except httpx.TransportError as error:
        raise UnreachableError(str(error)) from None
    if answer.is_error:  # a JobManager that has just started answers before it is the leader
        raise UnreachableError(f"Flink returned {answer.status_code}: {answer.text[:200]}")
    found: dict[str, Any] = answer.json()
    return found


def end_processes(platform: Platform, service: str) -> None:
    """Kill all processes in the service's first container, as the kernel does when it runs out of memory."""
    [container, *_] = platform.project.container_ids(service)
    started = "{{.State.StartedAt}}"
    before = platform.project.docker("inspect", "--format", started, container)
    platform.project.compose("exec", "--detach", "--index", "1", service, "bash", "-c", "kill -KILL -1")
    wait_until(
        lambda: platform.project.docker("inspect", "--format", started, container) != before,
        f"{service} to start again",
        60,
    )


def borrowed(name: str) -> list[str]:
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent if found.submodule_search_locations else Path(found.origin)
    return ["--volume", f"{path}:/opt/borrowed/{path.name}:ro"]


def test_up_ends_with_the_address_of_airflow(platform: Platform) -> None:
    assert platform.output[-1] == f"Airflow: {platform.airflow.url}"
    assert httpx.get(platform.airflow.url, timeout=30).status_code == httpx.codes.OK
    health = platform.airflow.get("monitor/health")
    assert {part["status"] for part in health.values()} == {"healthy"}


def test_deployment_in_airflow_validates(platform: Platform) -> None:
    begun = time.monotonic()
    lines = platform.airflow.deploy()
    print(f"first deployment: {time.monotonic() - begun:.0f} s")
    assert any("agreed" in line for line in lines["check_outputs"]), lines
    assert platform.project.results() == model_of(SEED)
    events = platform.airflow.get("assets/events")["asset_events"]
    proofs = {event["name"]: event["extra"] for event in events if event["source_task_id"] == "check_outputs"}
    assert {name: proof["rows"] for name, proof in proofs.items()} == {
        topic: len(values) for topic, values in platform.project.results().items()
    }
    for proof in proofs.values():
        assert proof["verdict"] == "equal"
        assert re.fullmatch(r"binlog\.\d+:\d+", proof["source_position"])
        assert proof["revisions"].keys() == {"olympics.players_cdc", "olympics.analytics"}


def test_second_deployment_changes_nothing(platform: Platform) -> None:
    begun = time.monotonic()
    lines = platform.airflow.deploy()
    print(f"second deployment: {time.monotonic() - begun:.0f} s")
    assert all(lines[task] for task in CHANGING), lines
    assert [line for task in CHANGING for line in lines[task] if "unchanged" not in line] == []


def test_three_changes_appear_in_the_results(platform: Platform) -> None:
    platform.project.execute(*THREE_CHANGES)
    print(f"the three changes: {await_agreement(platform):.1f} s")
    top = [json.loads(line)["name"] for line in platform.project.results()["olympics.top_athletes"]]
    assert sorted(top) == ["Alex", "Josef", "Mary"]


def test_no_secret_is_readable_anywhere(platform: Platform) -> None:
    project, values = platform.project, platform.project.secrets()
    assert len(values) == 7
    containers = project.compose("ps", "--all", "--quiet").split()
    assert len(containers) == 6
    outputs = {
        "config": project.compose("config"),
        "inspect": project.docker("inspect", *containers),
        "logs": project.compose("logs", "--no-color"),
        "processes": "".join(project.docker("top", container) for container in project.container_ids()),
        "logs of tasks": project.compose("exec", "-T", "airflow", "bash", "-c", "cat $(find logs -name '*.log')"),
    }
    assert all(outputs.values())
    assert [source for source, text in outputs.items() if any(value in text for value in values)] == []


def test_second_up_changes_nothing(platform: Platform) -> None:
    before = platform.project.container_ids()
    begun = time.monotonic()
    output = platform.project.make("compose-up")
    print(f"compose-up, unchanged: {time.monotonic() - begun:.0f} s")
    services = ("kafka", "mysql", "jobmanager", "taskmanager", "airflow")
    assert {f"olympic-streaming-tests-{name}-1: unchanged" for name in services} <= set(output)
    assert "secrets: unchanged" in output
    assert platform.project.container_ids() == before


def test_more_taskmanagers_register(platform: Platform) -> None:
    begun = time.monotonic()
    platform.project.make("compose-up", TASKMANAGERS="2")
    found = task_managers(platform)
    print(f"a second TaskManager: {time.monotonic() - begun:.0f} s")
    assert [manager["slotsNumber"] for manager in found] == [4, 4]
    assert len(platform.project.container_ids("taskmanager")) == 2
    print(platform.project.docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}"))


def test_existing_tables_are_captured_and_one_is_read_again(platform: Platform) -> None:
    platform.project.execute(*create_tables(), database="shop")

    lines = platform.airflow.run_dag("shop_deploy")

    assert "preflight_cdc: table order_items is captured by orders, line" in lines["preflight_cdc"]
    [agreed] = lines["check_outputs"]
    assert agreed.endswith(f"{2 * ORDERS + 2} rows (shop.customers 2, shop.order_items {2 * ORDERS})")
    lines = platform.airflow.run_dag("shop_reload", table="order_items")
    assert f"table order_items: {2 * ORDERS} rows read again, 0 rows deleted" in lines["reload_table"][-1]
    [agreed] = lines["check_outputs"]
    assert agreed.endswith(f": {2 * ORDERS} rows (shop.order_items {2 * ORDERS})")


def test_session_fulfils_the_target_contract(platform: Platform) -> None:
    mounts = [*(word for name in BORROWED for word in borrowed(name)), "--volume", f"{ROOT}/tests:{IN_IMAGE}/tests:ro"]
    output = platform.project.compose(
        "run", "--rm", "--no-deps", "-T", *mounts, "--env", f"PYTHONPATH={IN_IMAGE}:/opt/borrowed", "airflow",
        "python", "-m", "pytest", "-q", "--noconftest", "--import-mode=importlib", "-p", "no:cacheprovider",
        "-c", "/dev/null", f"{IN_IMAGE}/tests/compose/session_contract.py",
    )  # fmt: skip
    print(output.splitlines()[-1])
    assert " passed" in output.splitlines()[-1]


def test_lost_taskmanager_is_replaced(platform: Platform) -> None:
    end_processes(platform, "taskmanager")
    platform.project.execute("UPDATE players SET score = score + 1")
    print(f"TaskManager ended, delay of rows {await_agreement(platform):.1f} s")


def test_jobs_come_back_by_themselves_after_a_lost_jobmanager(platform: Platform) -> None:
    before, begun = job_ids(platform), time.monotonic()
    end_processes(platform, "jobmanager")
    wait_until(lambda: job_ids(platform) == before, "the same jobs to run", 300)
    platform.project.execute("DELETE FROM players WHERE name = 'Alex'")
    await_agreement(platform, 300)
    print(f"JobManager ended, jobs and results are back after {time.monotonic() - begun:.1f} s")
    lines = platform.airflow.deploy(allow_deletions=True)  # the table has few rows, and one that the file lacks
    for job in ("players_cdc", "analytics"):
        assert f"unchanged: olympics.{job} runs revision" in lines[f"submit_{job}"][-1]


def test_data_survives_down_and_up(platform: Platform, tmp_path: Path) -> None:
    output = platform.project.make("compose-down")
    assert output[-1] == "containers: removed; the data is kept"
    assert platform.project.container_ids() == []
    secrets = (platform.project.data_dir / "compose").rename(tmp_path / "elsewhere")
    with pytest.raises(EngineError, match="the passwords of its database are missing from "):
        platform.project.make("compose-up")
    secrets.rename(platform.project.data_dir / "compose")
    begun = time.monotonic()
    output = platform.project.make("compose-up")
    print(f"compose-up with existing data: {time.monotonic() - begun:.0f} s")
    assert "secrets: unchanged" in output
    assert platform.project.results() == platform.project.expected()
    assert platform.airflow.get("dags/olympics_deploy/dagRuns")["total_entries"] == 3
