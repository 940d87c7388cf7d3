"""What goes wrong on a cluster ends early, under its name and with the remedy, as a deployment would show it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from kubernetes.config import new_client_from_config

from infra.errors import AccessDeniedError, JobFailedError, SetupError
from infra.jobs.job import JobSpec, JobState, Secret
from infra.jobs.upgrade import ensure_running
from infra.targets.kubernetes import KubernetesTarget, api
from tests.kubernetes import cluster
from tests.kubernetes.conftest import NAMESPACE
from tests.kubernetes.jobs import SHORT, SHORT_BACKOFF, heartbeat, target
from tests.support.heartbeat import FAILING, NO_RESTART, await_health, failure_of, submitted, with_statement

UNWATCHED = f"{NAMESPACE}-unwatched"
TOO_MUCH_HEAP = "-Xms3g -Xmx3g -XX:+AlwaysPreTouch"
RAISES = b"import pyflink.table\nraise RuntimeError('no luck today')\n"
NewJob = Callable[..., JobSpec]


@pytest.fixture
def place(platform: str) -> KubernetesTarget:
    return target(patience=SHORT)


@pytest.fixture
def new_job(place: KubernetesTarget) -> Iterator[NewJob]:
    """Makes jobs that are gone after the test."""
    made: list[JobSpec] = []

    def make(**configuration: str) -> JobSpec:
        made.append(heartbeat(**configuration))
        return made[-1]

    yield make
    for job in made:
        place.delete(job.name)


def test_image_that_cannot_be_pulled(place: KubernetesTarget, new_job: NewJob) -> None:
    job = new_job()
    elsewhere = target(image="olympic-streaming/absent:0.0.0")

    error = failure_of(elsewhere, submitted(elsewhere, job))

    assert type(error) is JobFailedError
    assert re.fullmatch(
        rf"{job.name} is FAILED: pod heartbeat-\S+: image \S*olympic-streaming/absent:0\.0\.0 cannot be pulled: .+; "
        r"build and push it \(`make images`\)",
        str(error),
        re.DOTALL,
    )
    mended = replace(job, image="mended")
    place.ensure_scripts(mended)
    assert ensure_running(place, mended).change == "created"
    await_health(place, mended)


def test_pod_that_no_node_can_take(new_job: NewJob) -> None:
    job = new_job()
    place = target(patience=SHORT, jobmanager_memory_mb=60_000)

    error = failure_of(place, submitted(place, job))

    assert type(error) is JobFailedError
    assert re.fullmatch(
        rf"{job.name} is FAILED: pod heartbeat-\S+: no node can take it: .*Insufficient memory.*; "
        "lower the memory or CPU of the jobs, or add a node",
        str(error),
    )


def test_volume_claim_that_is_not_there(new_job: NewJob) -> None:
    job = new_job()
    place = target(patience=SHORT, state_claim="absent")

    error = failure_of(place, submitted(place, job))

    assert 'persistentvolumeclaim "absent" not found' in str(error)
    assert str(error).endswith("; install the chart, or set state_claim to a claim that is there and bound")


def test_service_account_that_is_not_there(new_job: NewJob) -> None:
    job = new_job()
    place = target(service_account="absent")

    error = failure_of(place, submitted(place, job))

    assert type(error) is JobFailedError
    assert str(error).startswith(f"{job.name} is FAILED: its pods are refused: ")
    assert 'serviceaccount "absent" not found' in str(error)


def test_secret_that_is_not_there(place: KubernetesTarget, new_job: NewJob) -> None:
    job = replace(new_job(), secrets={"MYSQL_PASSWORD": Secret("swordfish", "heartbeat-mysql-cdc", "password")})

    error = failure_of(place, submitted(place, job))

    assert re.fullmatch(
        rf"{job.name} is FAILED: pod heartbeat-\S+: its container cannot be made: "
        'secret "heartbeat-mysql-cdc" not found; '
        "is the Secret or ConfigMap there that it names\\?",
        str(error),
    )


def test_job_manager_that_runs_out_of_memory(place: KubernetesTarget, new_job: NewJob) -> None:
    job = new_job(**{"env.java.opts.jobmanager": TOO_MUCH_HEAP})

    error = failure_of(place, submitted(place, job))

    assert type(error) is JobFailedError
    assert re.fullmatch(
        rf"{job.name} is FAILED: pod heartbeat-\S+: it ran out of memory; "
        r"raise jobmanager_memory_mb of \[kubernetes\] in the settings",
        str(error),
    )


def test_task_managers_that_run_out_of_memory(place: KubernetesTarget, new_job: NewJob) -> None:
    job = new_job(**{"env.java.opts.taskmanager": TOO_MUCH_HEAP})

    error = failure_of(place, submitted(place, job))

    assert type(error) is JobFailedError
    assert str(error) == (
        f"{job.name} is FAILED: its TaskManagers run out of memory (exitCode=137, reason=OOMKilled); "
        "raise taskmanager_memory_mb of [kubernetes] in the settings"
    )


def test_script_that_raises(place: KubernetesTarget, new_job: NewJob) -> None:
    good = new_job()
    job = replace(good, files={**good.files, "run_sql.py": RAISES})

    error = failure_of(place, submitted(place, job))

    assert type(error) is JobFailedError
    assert str(error) == f"{job.name} is FAILED: RuntimeError: no luck today"
    assert "RuntimeError: no luck today" in place.logs(job.name)
    place.ensure_scripts(good)
    assert ensure_running(place, good).change == "created"
    await_health(place, good)


def test_statement_that_is_wrong(place: KubernetesTarget, new_job: NewJob) -> None:
    job = with_statement(new_job(), b"INSERT INTO counts SELECT pulse, 1 FROM beats")

    error = failure_of(place, submitted(place, job))

    assert str(error) == (
        f"{job.name} is FAILED: org.apache.calcite.sql.validate.SqlValidatorException: "
        "Column 'pulse' not found in any table"
    )


def test_job_that_fails_for_good(place: KubernetesTarget, new_job: NewJob) -> None:
    job = with_statement(new_job(), FAILING, **NO_RESTART)

    error = failure_of(place, submitted(place, job))

    assert str(error) == f"{job.name} is FAILED: java.lang.ArithmeticException: / by zero"


def test_job_in_a_restart_loop_and_its_mended_revision(place: KubernetesTarget, new_job: NewJob) -> None:
    good = new_job()
    job = with_statement(good, FAILING, **SHORT_BACKOFF)

    error = failure_of(place, submitted(place, job))

    assert type(error) is JobFailedError
    assert re.fullmatch(
        rf"{job.name} is in a restart loop: \d+ failures since its last checkpoint, the last one: "
        r"java\.lang\.ArithmeticException: / by zero\. Fix the cause and deploy again \(see http://heartbeat-\S+\)\.",
        str(error),
    )
    place.ensure_scripts(good)
    assert ensure_running(place, good).change == "changed"
    await_health(place, good)


def test_job_manager_that_crashes_again_and_again(place: KubernetesTarget, new_job: NewJob) -> None:
    job = new_job(**{"high-availability.storageDir": "file:///opt/flink/nowhere"})

    error = failure_of(place, submitted(place, job))

    assert type(error) is JobFailedError
    assert re.fullmatch(
        rf"{job.name} is FAILED: pod heartbeat-\S+: it keeps ending: java\.lang\.IllegalStateException: "
        r"The base directory of the JobResultStore isn't accessible\. .*",
        str(error),
    )


def test_spec_that_the_operator_refuses(place: KubernetesTarget, new_job: NewJob) -> None:
    job = new_job(**{"kubernetes.cluster-id": "other"})
    place.ensure_scripts(job)

    with pytest.raises(JobFailedError) as caught:
        place.submit(job)

    assert str(caught.value) == (
        f"{job.name} could not be submitted: the operator refuses it: Forbidden Flink config key: kubernetes.cluster-id"
    )
    assert str(failure_of(place, job)).startswith(f"{job.name} is FAILED: the operator refuses it: ")


def test_namespace_that_no_operator_watches(platform: str) -> None:
    place, job = target(UNWATCHED, SHORT), heartbeat()
    cluster.ensure_namespace(UNWATCHED)
    try:
        place.ensure_scripts(job)
        with pytest.raises(SetupError) as caught:
            place.submit(job)
        assert re.fullmatch(
            rf"no operator has taken FlinkDeployment heartbeat-\w+ since \d+ s; is the Flink Kubernetes Operator "
            rf"installed, does it run, and does it watch namespace {UNWATCHED}\?",
            str(caught.value),
        )
        assert type(failure_of(place, job)) is SetupError
        place.delete(job.name)
        assert place.status(job.name).state is JobState.MISSING
    finally:
        cluster.delete_namespace(UNWATCHED)


def test_cluster_without_the_custom_resource(
    place: KubernetesTarget, new_job: NewJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real cluster's answer for a version that it does not have is the one for a kind that it does not have."""
    job = new_job()
    place.ensure_scripts(job)
    known = api._PATHS["FlinkDeployment"]
    monkeypatch.setitem(api._PATHS, "FlinkDeployment", known.replace("v1beta1", "v0"))

    with pytest.raises(SetupError) as caught:
        place.submit(job)

    monkeypatch.undo()
    assert str(caught.value) == (
        "the cluster does not know FlinkDeployment; install the Flink Kubernetes Operator with its CRDs"
    )


def test_account_without_a_role(platform: str) -> None:
    client = new_client_from_config()
    # The token of an account that has no Role, instead of the administrator's certificate.
    token = cluster.kubectl("--namespace", NAMESPACE, "create", "token", "default", "--duration=10m").strip()
    client.configuration.cert_file = client.configuration.key_file = None
    client.configuration.api_key = {"authorization": f"Bearer {token}"}
    client = type(client)(client.configuration)
    place, job = target(client=client), heartbeat()

    for attempt in (lambda: place.ensure_scripts(job), lambda: place.status(job.name), lambda: place.delete(job.name)):
        with pytest.raises(AccessDeniedError) as caught:
            attempt()
        assert f"system:serviceaccount:{NAMESPACE}:default" in str(caught.value)
        assert str(caught.value).endswith("; the chart's Role for Airflow's service account allows what is needed")
        assert token not in json.dumps(str(caught.value))
