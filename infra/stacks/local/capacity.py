"""Whether this machine is large enough for a number of rows; the comparison is pure, and what is there is injected.

Estimates are low rather than high: a machine that is large enough is never rejected.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra.errors import SetupError
from infra.settings import LOCAL_FILE, Settings

# Bytes for each row of the source: estimates. Job state is on disk, and has a row in several operators. A row
# is in the topics about three times, also because compaction comes later. The database has the table and its binlog.
STATE_BYTES_PER_ROW = 600
TOPIC_BYTES_PER_ROW = 3 * 200
DATABASE_BYTES_PER_ROW = 300
DISK_BYTES_PER_ROW = STATE_BYTES_PER_ROW + TOPIC_BYTES_PER_ROW + DATABASE_BYTES_PER_ROW

# A TaskManager with few rows uses less than its setting allows; with a million rows it uses all of the default.
TASKMANAGER_BASE_MB = 1024
TASKMANAGER_BYTES_PER_ROW = 2048
# Beyond the heap of the broker, the buffer pool of the database, and the process of a task.
KAFKA_BASE_MB = 128
MYSQL_BASE_MB = 192
TASK_MB = 300
# Fewer rows fit wherever the local stack itself starts.
SMALL_ROWS = 100_000

_MIB = 1024**2
_CGROUPS = Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60  # cgroup v1 has a number of this order instead of "max"


@dataclass(frozen=True)
class Machine:
    """What this machine has, in bytes: free disk and used disk of the data directory, available and used memory.

    `used_memory` is that of each running service of the local stack by its name.
    """

    free_disk: int
    used_disk: int
    available_memory: int
    used_memory: Mapping[str, int]


def check_capacity(settings: Settings, rows: int, source: str, machine: Machine) -> list[str]:
    """Return a line for each resource that is sufficient for the rows of a source; SetupError names the others."""
    findings = [_check_disk(settings, rows, machine)]
    if rows >= SMALL_ROWS:
        findings.append(_check_memory(settings, rows, machine))
    failures = [text for passed, text in findings if not passed]
    if failures:
        listed = "".join(f"\n  - {failure}" for failure in failures)
        raise SetupError(f"{source}: this machine is too small for about {rows:,} rows; nothing was deployed:{listed}")
    return [text for _, text in findings]


def measure_machine(settings: Settings, used_memory_mb: Mapping[str, int]) -> Machine:
    """Return what this machine has; `used_memory_mb` is that of the running services in MiB."""
    data_dir = settings.data_dir
    existing = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    return Machine(
        free_disk=shutil.disk_usage(existing).free,
        used_disk=folder_bytes(data_dir),
        available_memory=available_memory(),
        used_memory={name: size * _MIB for name, size in used_memory_mb.items()},
    )


def needed_memory_mb(settings: Settings, rows: int) -> dict[str, int]:
    """Return the memory in MiB that each service, and the task that checks the results, uses with this many rows."""
    taskmanager = TASKMANAGER_BASE_MB + rows * TASKMANAGER_BYTES_PER_ROW // _MIB
    return {
        "flink-taskmanager": min(taskmanager, settings.flink.taskmanager_memory_mb),
        "flink-jobmanager": settings.flink.jobmanager_memory_mb,
        "kafka": settings.kafka.heap_mb + KAFKA_BASE_MB,
        "mysql": settings.mysql.buffer_pool_mb + MYSQL_BASE_MB,
        "task": TASK_MB,
    }


def available_memory(proc: Path = Path("/proc"), cgroups: Path = _CGROUPS) -> int:
    """Return the bytes that programs can still allocate: of the machine, or of the container if that is less."""
    return min([int(psutil.virtual_memory().available), *_cgroup_rooms(proc, cgroups)])


def folder_bytes(folder: Path) -> int:
    """Return the disk space of all files below a folder; files that disappear meanwhile count as 0."""
    size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                size += Path(path, name).lstat().st_blocks * 512
            except OSError:
                continue
    return size


def _check_disk(settings: Settings, rows: int, machine: Machine) -> tuple[bool, str]:
    needed = rows * DISK_BYTES_PER_ROW
    there = machine.free_disk + machine.used_disk
    if needed <= there:
        return True, f"disk: {_mb(needed)} MB needed, {_mb(there)} MB there"
    return False, (
        f"disk: job state, topics and database need {_mb(needed)} MB, but {settings.data_dir} has {_mb(there)} MB "
        f"({_mb(machine.used_disk)} MB in use, {_mb(machine.free_disk)} MB free). "
        f"Free some space, or set data.dir in {LOCAL_FILE} to a folder on a larger disk."
    )


def _check_memory(settings: Settings, rows: int, machine: Machine) -> tuple[bool, str]:
    each = needed_memory_mb(settings, rows)
    needed = sum(each.values()) * _MIB
    # A running service has a part of its memory already, which is therefore not available any more.
    in_use = sum(min(machine.used_memory.get(name, 0), size * _MIB) for name, size in each.items())
    there = machine.available_memory + in_use
    if needed <= there:
        return True, f"memory: {_mb(needed)} MB needed, {_mb(there)} MB there"
    listed = ", ".join(f"{name} {size:,}" for name, size in each.items())
    return False, (
        f"memory: the services need {_mb(needed)} MB ({listed}), but {_mb(there)} MB are there "
        f"({_mb(in_use)} MB in use by them, {_mb(machine.available_memory)} MB available). Stop other programs, or "
        f"lower flink.taskmanager_memory_mb ({settings.flink.taskmanager_memory_mb}) in {LOCAL_FILE}."
    )


def _cgroup_rooms(proc: Path, cgroups: Path) -> Iterator[int]:
    """Yield what is left in each control group of this process that has a memory limit."""
    for group in _groups(proc, cgroups):
        limit, current = group / "memory.max", group / "memory.current"
        if not limit.exists():
            limit, current = group / "memory.limit_in_bytes", group / "memory.usage_in_bytes"
        try:
            maximum, used = limit.read_text().strip(), int(current.read_text())
            if maximum != "max" and int(maximum) < _UNLIMITED:
                yield max(int(maximum) - used + _reclaimable(group), 0)
        except (OSError, ValueError):
            continue  # the root group does not have these files


def _groups(proc: Path, cgroups: Path) -> Iterator[Path]:
    """Yield the folders of this process's memory groups, from its own to the root."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return  # not Linux
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers or "memory" in controllers.split(","):
            root = cgroups / "memory" if controllers else cgroups
            own = Path(path.lstrip("/"))
            for part in (own, *own.parents):  # the last one is the root
                yield root / part


def _reclaimable(group: Path) -> int:
    """Return the bytes of the page cache that the kernel drops first; they count as used."""
    lines = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return int(lines.get("total_inactive_file", lines.get("inactive_file", 0)))


def _mb(size: int) -> str:
    return f"{size // _MIB:,}"
