"""Is this machine large enough: the comparison with injected numbers, and what Linux reports about memory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.errors import SetupError
from infra.settings import Settings, load_settings
from infra.stacks.local.capacity import (
    DISK_BYTES_PER_ROW,
    SMALL_ROWS,
    Machine,
    available_memory,
    check_capacity,
    folder_bytes,
    measure_machine,
    needed_memory_mb,
)
from infra.targets.registry import TARGETS
from infra.targets.registry import check_capacity as check_target

MIB, GIB = 1024**2, 1024**3
LARGE = Machine(free_disk=500 * GIB, used_disk=0, available_memory=64 * GIB, used_memory={})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"OLYMPIC_STREAMING_DATA_DIR": str(tmp_path / "data")})


def machine(disk: int = LARGE.free_disk, memory: int = LARGE.available_memory, **used: int) -> Machine:
    return Machine(disk, 0, memory, {name.replace("_", "-"): size for name, size in used.items()})


def test_large_machine_has_room_for_a_million_rows(settings: Settings) -> None:
    assert check_capacity(settings, 1_000_000, "players.csv", LARGE) == [
        "disk: 1,430 MB needed, 512,000 MB there",
        "memory: 5,133 MB needed, 65,536 MB there",
    ]


def test_too_little_disk(settings: Settings) -> None:
    small = Machine(3 * GIB, 1 * GIB, 64 * GIB, {})

    with pytest.raises(SetupError) as caught:
        check_capacity(settings, 10_000_000, "players.csv", small)

    assert str(caught.value) == (
        "players.csv: this machine is too small for about 10,000,000 rows; nothing was deployed:\n"
        f"  - disk: job state, topics and database need 14,305 MB, but {settings.data_dir} has 4,096 MB "
        "(1,024 MB in use, 3,072 MB free). "
        "Free some space, or set data.dir in settings.local.toml to a folder on a larger disk."
    )


def test_too_little_memory(settings: Settings) -> None:
    with pytest.raises(SetupError) as caught:
        check_capacity(settings, 10_000_000, "players.csv", machine(memory=2 * GIB, flink_taskmanager=500 * MIB))

    assert str(caught.value) == (
        "players.csv: this machine is too small for about 10,000,000 rows; nothing was deployed:\n"
        "  - memory: the services need 5,228 MB (flink-taskmanager 3,072, flink-jobmanager 1,024, kafka 512, "
        "mysql 320, task 300), but 2,548 MB are there (500 MB in use by them, 2,048 MB available). "
        "Stop other programs, or lower flink.taskmanager_memory_mb (3072) in settings.local.toml."
    )


def test_every_shortage_is_listed(settings: Settings) -> None:
    with pytest.raises(SetupError, match=r"(?s)- disk: .*- memory: "):
        check_capacity(settings, 10_000_000, "players.csv", machine(disk=GIB, memory=GIB))


@pytest.mark.parametrize("rows", [0, 5, SMALL_ROWS - 1])
def test_small_data_fits_a_small_machine(settings: Settings, rows: int) -> None:
    """The local stack itself has started there, whatever its settings allow it."""
    assert check_capacity(settings, rows, "players.csv", machine(disk=GIB, memory=200 * MIB))


def test_exactly_enough_is_enough(settings: Settings) -> None:
    needed = sum(needed_memory_mb(settings, 1_000_000).values()) * MIB
    enough = machine(1_000_000 * DISK_BYTES_PER_ROW, needed)
    check_capacity(settings, 1_000_000, "players.csv", enough)

    for less in (
        machine(enough.free_disk - 1, enough.available_memory),
        machine(enough.free_disk, enough.available_memory - 1),
    ):
        with pytest.raises(SetupError):
            check_capacity(settings, 1_000_000, "players.csv", less)


def test_data_of_an_earlier_run_counts_as_room(settings: Settings) -> None:
    """The same rows are not stored twice."""
    check_capacity(settings, 1_000_000, "players.csv", Machine(10 * MIB, 2 * GIB, 64 * GIB, {}))


def test_memory_that_services_use_already_counts_as_room_up_to_their_need(settings: Settings) -> None:
    each = needed_memory_mb(settings, 1_000_000)
    running = Machine(500 * GIB, 0, each["task"] * MIB, {name: size * MIB for name, size in each.items()})
    check_capacity(settings, 1_000_000, "players.csv", running)

    with pytest.raises(SetupError):
        check_capacity(settings, 1_000_000, "players.csv", machine(memory=GIB, mysql=64 * GIB))


def test_taskmanager_grows_with_the_rows_up_to_its_setting(settings: Settings) -> None:
    sizes = [needed_memory_mb(settings, rows)["flink-taskmanager"] for rows in (100_000, 500_000, 1_100_000, 10**7)]

    assert sizes == [1219, 2000, 3072, 3072]


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "local"])
def test_clusters_of_others_are_not_checked(settings: Settings, target: str) -> None:
    assert check_target(target, settings, 10**12, "players.csv") == [
        f"not checked: the machines of the target {target}"
    ]


def test_local_target_is_measured(settings: Settings) -> None:
    with pytest.raises(SetupError, match="this machine is too small for about 1,000,000,000,000 rows"):
        check_target("local", settings, 10**12, "players.csv")
    assert not settings.data_dir.exists()


def test_measured_machine(settings: Settings) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "file").write_bytes(b"x" * 100_000)

    found = measure_machine(settings, {"kafka": 3})

    assert found.used_disk >= 100_000
    assert found.used_memory == {"kafka": 3 * MIB}
    assert 0 < found.free_disk <= shutil.disk_usage("/").total + shutil.disk_usage(settings.data_dir).total
    assert found.available_memory > 0


def test_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert folder_bytes(tmp_path / "nothing") == 0


def group(folder: Path, limit: str, used: int, reclaimable: int = 0) -> None:
    folder.mkdir(parents=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {reclaimable}\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/box/inner\n")
    return tmp_path / "proc"


def test_limit_of_an_outer_group_counts(proc: Path, tmp_path: Path) -> None:
    group(tmp_path / "cg" / "box", "3000000", used=2_500_000, reclaimable=100_000)
    group(tmp_path / "cg" / "box" / "inner", "max", used=1)

    assert available_memory(proc, tmp_path / "cg") == 600_000


def test_group_of_version_one(proc: Path, tmp_path: Path) -> None:
    (proc / "self" / "cgroup").write_text("5:cpu,cpuacct:/x\n4:memory:/box\n0::/\n")
    folder = tmp_path / "cg" / "memory" / "box"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text("3000000\n")
    (folder / "memory.usage_in_bytes").write_text("2900000\n")
    (folder / "memory.stat").write_text("inactive_file 7\ntotal_inactive_file 50000\n")

    assert available_memory(proc, tmp_path / "cg") == 150_000


@pytest.mark.parametrize("limit", ["max", "9223372036854771712"])
def test_unlimited_group_leaves_the_memory_of_the_machine(proc: Path, tmp_path: Path, limit: str) -> None:
    group(tmp_path / "cg" / "box" / "inner", limit, used=5)

    assert available_memory(proc, tmp_path / "cg") > 10 * MIB


def test_system_without_control_groups(tmp_path: Path) -> None:
    assert available_memory(tmp_path / "proc", tmp_path / "cg") > 10 * MIB
