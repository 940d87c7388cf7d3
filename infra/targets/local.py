"""The target `local`: the local stack's session cluster."""

from __future__ import annotations

from infra.settings import Settings
from infra.setup.functions import flink_home
from infra.stacks.local.flink import flink_endpoint, flink_environment
from infra.targets.session import FlinkClient, SessionCluster, SessionTarget


def local_target(settings: Settings) -> SessionTarget:
    """Return the target for the local stack of `settings`; job scripts and job state are below its data directory."""

    def client() -> FlinkClient:
        return FlinkClient(flink_home() / "bin" / "flink", flink_environment(settings))

    data_dir, url = settings.data_dir, str(flink_endpoint(settings))
    cluster = SessionCluster(url, url, data_dir / "jobs", data_dir / "flink", client)
    return SessionTarget(cluster, name="local")
