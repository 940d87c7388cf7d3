"""The heartbeat job on the cluster: small, with state, and with no need of Kafka or MySQL."""

from __future__ import annotations

import os
from dataclasses import replace

from kubernetes.client import ApiClient
from kubernetes.config import new_client_from_config

from infra.errors import PlatformError, TerminalError
from infra.flink.java import JAVA_17_OPTIONS
from infra.jobs.health import missing_for_health
from infra.jobs.job import JobSpec, JobStatus
from infra.jobs.target import Target
from infra.settings import ROOT, load_settings
from infra.targets.kubernetes import KubernetesTarget
from infra.targets.kubernetes.api import KubernetesApi
from infra.targets.kubernetes.diagnosis import Patience
from infra.waiting import wait_until
from tests.kubernetes import cluster
from tests.kubernetes.conftest import NAMESPACE, SIZES

FILES = [*(ROOT / "tests" / "local" / "jobs" / "heartbeat").glob("*"), ROOT / "flink_jobs" / "shared" / "statements.py"]
FAILING = b"INSERT INTO counts SELECT beat, COUNT(10 / (beat - beat)) FROM beats GROUP BY beat"
NO_RESTART = {"restart-strategy.type": "none"}
BACKOFF = "restart-strategy.exponential-delay."
SHORT_BACKOFF = {BACKOFF + "initial-backoff": "10 ms", BACKOFF + "max-backoff": "50 ms"}
SHORT = Patience(unschedulable=2, untaken=5)
SECONDS = 240.0


def target(
    namespace: str = NAMESPACE, patience: Patience | None = None, client: ApiClient | None = None, **settings: object
) -> KubernetesTarget:
    """The target as the tests size it, with some settings changed."""
    environ = {f"OLYMPIC_STREAMING_KUBERNETES_{key}": value for key, value in SIZES.items()}
    here = {"namespace": namespace, "image": cluster.image("flink"), **settings}
    found = load_settings(environ).kubernetes.model_copy(update=here)
    return KubernetesTarget(KubernetesApi(client or new_client_from_config(), namespace), found, patience)


def heartbeat(image: str = "", **configuration: str) -> JobSpec:
    """A job under a name of its own, whose JVMs start fast."""
    return JobSpec(
        name=f"heartbeat.{os.urandom(4).hex()}",
        script="heartbeat.py",
        files={path.name: path.read_bytes() for path in FILES if path.is_file()},
        arguments={"least": "0"},
        configuration={
            "execution.checkpointing.interval": "2 s",
            "env.java.opts.all": f"{JAVA_17_OPTIONS} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            **configuration,
        },
        parallelism=1,
        image=image,
    )


def with_statement(job: JobSpec, statement: bytes, **configuration: str) -> JobSpec:
    """The job with another statement that publishes."""
    files = {**job.files, "30_publish.sql": statement}
    return replace(job, files=files, configuration={**job.configuration, **configuration})


def submitted(place: Target, job: JobSpec) -> JobSpec:
    place.ensure_scripts(job)
    place.submit(job)
    return job


def failure_of(place: Target, job: JobSpec, seconds: float = SECONDS) -> PlatformError:
    """The error that waiting for the job's health ends with, as the task `wait_for_<job>` does it."""

    def failed() -> PlatformError | None:
        try:
            missing_for_health(job.name, job.revision, place.status(job.name))
        except TerminalError as error:
            return error
        return None

    return wait_until(failed, f"{job.name} to fail", seconds, poll_seconds=0.5)


def healthy(place: Target, job: JobSpec) -> JobStatus | None:
    status = place.status(job.name)
    return None if missing_for_health(job.name, job.revision, status) else status


def await_health(place: Target, job: JobSpec) -> JobStatus:
    return wait_until(lambda: healthy(place, job), f"{job.name} to be healthy", SECONDS, poll_seconds=0.5)
