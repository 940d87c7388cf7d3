"""The heartbeat job and the target, in the sizes of the tests on a cluster."""

from __future__ import annotations

from kubernetes.client import ApiClient
from kubernetes.config import new_client_from_config

from infra.flink.java import JAVA_17_OPTIONS
from infra.jobs.job import JobSpec
from infra.settings import load_settings
from infra.targets.kubernetes import KubernetesTarget
from infra.targets.kubernetes.api import KubernetesApi
from infra.targets.kubernetes.diagnosis import Patience
from tests.kubernetes import cluster
from tests.kubernetes.conftest import NAMESPACE, SIZES
from tests.support.heartbeat import heartbeat_job

BACKOFF = "restart-strategy.exponential-delay."
SHORT_BACKOFF = {BACKOFF + "initial-backoff": "10 ms", BACKOFF + "max-backoff": "50 ms"}
SHORT = Patience(unschedulable=2, unreconciled=5)


def create_target(
    namespace: str = NAMESPACE, patience: Patience | None = None, client: ApiClient | None = None, **settings: object
) -> KubernetesTarget:
    """Return the target with the tests' sizes; `settings` overrides single ones."""
    environ = {f"OLYMPIC_STREAMING_KUBERNETES_{key}": value for key, value in SIZES.items()}
    versions = {"image": cluster.image("flink"), "flink_version": cluster.flink_version()}
    here = {"namespace": namespace, **versions, **settings}
    found = load_settings(environ).kubernetes.model_copy(update=here)
    return KubernetesTarget(KubernetesApi(client or new_client_from_config(), namespace), found, patience)


def heartbeat(image: str = "", **configuration: str) -> JobSpec:
    """Return the heartbeat job with JVM options for a fast start."""
    fast = {"env.java.opts.all": f"{JAVA_17_OPTIONS} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
    return heartbeat_job(image, **{"execution.checkpointing.interval": "2 s", **fast, **configuration})
