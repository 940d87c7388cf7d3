"""The target `local`: the embedded session cluster."""

from __future__ import annotations

from infra.embedded.flink import flink_endpoint, flink_environment, flink_home
from infra.settings import Settings
from infra.targets.session import FlinkClient, SessionCluster, SessionTarget


def local_target(settings: Settings) -> SessionTarget:
    """Runs jobs on the embedded session cluster of `settings`; bundles and state are below its state folder."""

    def client() -> FlinkClient:
        return FlinkClient(flink_home() / "bin" / "flink", flink_environment(settings))

    state, url = settings.state_dir, str(flink_endpoint(settings))
    cluster = SessionCluster(url, url, state / "jobs", state / "flink", client)
    return SessionTarget(cluster, name="local")
