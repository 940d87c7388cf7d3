"""The supervisor itself, with a small program in place of a server, in a folder whose path is too long for a socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.embedded.leftovers import end_leftovers
from infra.embedded.parts import Part
from infra.embedded.state import ensure_state_dir, remove_state_dir
from infra.embedded.supervisor import Supervisor
from infra.errors import SetupError
from infra.settings import Settings, load_settings
from infra.waiting import wait_until


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = load_settings({"OLYMPIC_STREAMING_STATE_DIR": str(tmp_path / ("long" * 30) / "state")})
    state = ensure_state_dir(settings)
    yield settings
    if Supervisor(state).is_alive():
        Supervisor(state).shut_down(seconds=20)
    remove_state_dir(settings)


def sleeper(settings: Settings, name: str, seconds: int) -> Part:
    state = settings.state_dir
    command = ["sleep", str(seconds)]
    return Part(name, command, state, state / "logs" / f"{name}.log", ports={}, probe=lambda: None)


def started(supervisor: Supervisor, parts: list[Part]) -> dict[str, int]:
    supervisor.ensure_running(parts)
    for part in parts:
        supervisor.launch(part.name)
        supervisor.launch(part.name)  # a second time is no error
    wait_until(lambda: all(info["pid"] for info in supervisor.processes().values()), "the sleepers", 10)
    return {name: info["pid"] for name, info in supervisor.processes().items()}


def test_changed_configuration_is_taken_over_by_the_running_one(settings: Settings) -> None:
    supervisor = Supervisor(settings.state_dir)
    before = started(supervisor, [sleeper(settings, name, 600) for name in ("kept", "changed", "removed")])

    after = started(
        supervisor, [sleeper(settings, "kept", 600), sleeper(settings, "changed", 700), sleeper(settings, "added", 600)]
    )

    assert sorted(after) == ["added", "changed", "kept"]
    assert after["kept"] == before["kept"]
    assert not psutil.pid_exists(before["changed"])
    assert not psutil.pid_exists(before["removed"])


def test_shut_down_ends_everything_and_a_stop_may_be_repeated(settings: Settings) -> None:
    supervisor = Supervisor(settings.state_dir)
    processes = started(supervisor, [sleeper(settings, "one", 600), sleeper(settings, "two", 600)])

    supervisor.stop("one")
    supervisor.stop("one")
    supervisor.shut_down(seconds=20)

    assert not supervisor.is_alive()
    assert not any(psutil.pid_exists(pid) for pid in processes.values())
    assert end_leftovers(settings.state_dir) == []


def test_supervisor_that_cannot_start_says_why(settings: Settings) -> None:
    part = sleeper(settings, "broken", 600)
    (settings.state_dir / "logs").rmdir()

    with pytest.raises(SetupError) as caught:
        Supervisor(settings.state_dir).ensure_running([part])

    first, *rest = str(caught.value).splitlines()
    assert first == f"the supervisor did not start; see {settings.state_dir}/logs/supervisord.log"
    assert any("logs" in line for line in rest)
