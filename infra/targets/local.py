"""The target `local`: the local stack's session cluster."""

from __future__ import annotations

from infra.settings import LOCAL_FILE, PREFIX, Settings
from infra.setup.flink import flink_home
from infra.stacks.local.capacity import check_capacity, measure_machine
from infra.stacks.local.flink import flink_endpoint, flink_environment
from infra.stacks.local.stack import status
from infra.targets.session import FlinkClient, SessionCluster, SessionTarget


def local_target(settings: Settings) -> SessionTarget:
    """Return the target for the local stack of `settings`; job scripts and job state are below its data directory."""

    def client() -> FlinkClient:
        return FlinkClient(flink_home() / "bin" / "flink", flink_environment(settings))

    data_dir, url = settings.data_dir, str(flink_endpoint(settings))
    cluster = SessionCluster(
        url, url, data_dir / "jobs", data_dir / "flink", client,
        memory_setting="taskmanager_memory_mb of [flink]",
        memory_raise=f"Raise it in {LOCAL_FILE}, or with {PREFIX}FLINK_TASKMANAGER_MEMORY_MB",
    )  # fmt: skip
    return SessionTarget(cluster, name="local")


def check_local_capacity(settings: Settings, rows: int, source: str) -> list[str]:
    """Check that this machine is large enough for the rows of a source; SetupError names what is missing."""
    used = {service.name: service.memory_mb for service in status(settings)}
    return check_capacity(settings, rows, source, measure_machine(settings, used))
