"""The supervisor with a small program instead of a server, in a folder whose path is too long for a socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.errors import SetupError
from infra.settings import Settings, load_settings
from infra.stacks.data_directory import ensure_data_dir, remove_data_dir
from infra.stacks.local.processes import end_orphans
from infra.stacks.local.service import Service
from infra.stacks.local.supervisor import Supervisor
from infra.waiting import wait_until


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = load_settings({"OLYMPIC_STREAMING_DATA_DIR": str(tmp_path / ("long" * 30) / "data")})
    data_dir = ensure_data_dir(settings)
    yield settings
    if Supervisor(data_dir).is_alive():
        Supervisor(data_dir).shut_down(seconds=20)
    remove_data_dir(settings)


def sleeper(settings: Settings, name: str, seconds: int) -> Service:
    data_dir = settings.data_dir
    command = ["sleep", str(seconds)]
    return Service(name, command, data_dir, data_dir / "logs" / f"{name}.log", ports={}, probe=lambda: None)


def started(supervisor: Supervisor, services: list[Service]) -> dict[str, int]:
    supervisor.ensure_running(services)
    for service in services:
        supervisor.launch(service.name)
        supervisor.launch(service.name)  # a second launch does nothing
    wait_until(lambda: all(info["pid"] for info in supervisor.processes().values()), "the sleepers", 10)
    return {name: info["pid"] for name, info in supervisor.processes().items()}


def test_running_supervisor_applies_a_changed_configuration(settings: Settings) -> None:
    supervisor = Supervisor(settings.data_dir)
    before = started(supervisor, [sleeper(settings, name, 600) for name in ("kept", "changed", "removed")])

    after = started(
        supervisor, [sleeper(settings, "kept", 600), sleeper(settings, "changed", 700), sleeper(settings, "added", 600)]
    )

    assert sorted(after) == ["added", "changed", "kept"]
    assert after["kept"] == before["kept"]
    assert not psutil.pid_exists(before["changed"])
    assert not psutil.pid_exists(before["removed"])


def test_shut_down_ends_everything_and_a_second_stop_does_nothing(settings: Settings) -> None:
    supervisor = Supervisor(settings.data_dir)
    processes = started(supervisor, [sleeper(settings, "one", 600), sleeper(settings, "two", 600)])

    supervisor.stop("one")
    supervisor.stop("one")
    supervisor.shut_down(seconds=20)

    assert not supervisor.is_alive()
    assert not any(psutil.pid_exists(pid) for pid in processes.values())
    assert end_orphans(settings.data_dir) == []


def test_supervisor_that_cannot_start_reports_the_cause(settings: Settings) -> None:
    service = sleeper(settings, "broken", 600)
    (settings.data_dir / "logs").rmdir()

    with pytest.raises(SetupError) as caught:
        Supervisor(settings.data_dir).ensure_running([service])

    first, *rest = str(caught.value).splitlines()
    assert first == f"the supervisor did not start. See {settings.data_dir}/logs/supervisord.log."
    assert any("logs" in line for line in rest)
