"""Every failure on a cluster ends the wait early, with an error that names the cause and the fix."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from kubernetes.config import new_client_from_config

from infra.errors import AccessDeniedError, JobFailedError, JobMemoryError, SetupError
from infra.jobs.job import JobSpec, JobState, Secret
from infra.jobs.upgrade import ensure_running
from infra.targets.kubernetes import KubernetesTarget, api
from infra.targets.kubernetes.manifests import resource_name
from tests.kubernetes import cluster
from tests.kubernetes.conftest import NAMESPACE
from tests.kubernetes.jobs import SHORT, SHORT_BACKOFF, create_target, heartbeat
from tests.support.heartbeat import FAILING, NO_RESTART, await_health, failure_of, submitted, with_statement

UNWATCHED = f"{NAMESPACE}-unwatched"
TOO_MUCH_HEAP = "-Xms3g -Xmx3g -XX:+AlwaysPreTouch"
RAISES = b"import pyflink.table\nraise RuntimeError('no luck today')\n"
NewJob = Callable[..., JobSpec]


@pytest.fixture(name="target")
def target_(platform: str) -> KubernetesTarget:
    return create_target(patience=SHORT)


@pytest.fixture
def new_job(target: KubernetesTarget) -> Iterator[NewJob]:
    """Return a function that creates jobs, which are deleted after the test."""
    made: list[JobSpec] = []

    def make(**configuration: str) -> JobSpec:
        made.append(heartbeat(**configuration))
        return made[-1]

    yield make
    for job in made:
        target.delete(job.name)


def uid_of(job: JobSpec) -> str:
    """Return the id of the job's resource, which a new resource of the same name does not have."""
    return str(cluster.get(NAMESPACE, "flinkdeployment", resource_name(job.name))["metadata"]["uid"])


def test_image_that_cannot_be_pulled(target: KubernetesTarget, new_job: NewJob) -> None:
    job = new_job()
    without_image = create_target(image="olympic-streaming/absent:0.0.0")

    error = failure_of(without_image, submitted(without_image, job))

    assert type(error) is JobFailedError
    assert re.fullmatch(
        rf"{job.name} is FAILED: pod heartbeat-\S+: image \S*olympic-streaming/absent:0\.0\.0 cannot be pulled: .+\. "
        r"Build it \(`make images`\) and push it\.",
        str(error),
        re.DOTALL,
    )
    fixed = replace(job, image="fixed")
    target.ensure_scripts(fixed)
    never_started = uid_of(job)
    assert ensure_running(target, fixed).change == "created"
    assert uid_of(job) != never_started, "the operator would not always replace its pod"
    await_health(target, fixed)


def test_pod_that_cannot_be_scheduled(new_job: NewJob) -> None:
    job = new_job()
    target = create_target(patience=SHORT, jobmanager_memory_mb=60_000)

    error = failure_of(target, submitted(target, job))

    assert type(error) is JobFailedError
    assert re.fullmatch(
        rf"{job.name} is FAILED: pod heartbeat-\S+: it cannot be scheduled: .*Insufficient memory.*\. "
        r"Lower the memory or CPU of the jobs, or add a node\.",
        str(error),
    )


def test_missing_volume_claim(new_job: NewJob) -> None:
    job = new_job()
    target = create_target(patience=SHORT, state_claim="absent")

    error = failure_of(target, submitted(target, job))

    assert 'persistentvolumeclaim "absent" not found' in str(error)
    assert str(error).endswith(". Install the chart, or set state_claim to an existing and bound claim.")


def test_missing_service_account(new_job: NewJob) -> None:
    job = new_job()
    target = create_target(service_account="absent")

    error = failure_of(target, submitted(target, job))

    assert type(error) is JobFailedError
    assert str(error).startswith(f"{job.name} is FAILED: its pods are rejected: ")
    assert 'serviceaccount "absent" not found' in str(error)


def test_missing_secret(target: KubernetesTarget, new_job: NewJob) -> None:
    job = replace(new_job(), secrets=(Secret("heartbeat-mysql-cdc", "password", "swordfish"),))

    error = failure_of(target, submitted(target, job))

    assert re.fullmatch(
        rf"{job.name} is FAILED: pod heartbeat-\S+: its container cannot be created: "
        r'secret "heartbeat-mysql-cdc" not found\. Create the Secret or ConfigMap that this names\.',
        str(error),
    )


def test_job_manager_that_runs_out_of_memory(target: KubernetesTarget, new_job: NewJob) -> None:
    job = new_job(**{"env.java.opts.jobmanager": TOO_MUCH_HEAP})

    error = failure_of(target, submitted(target, job))

    assert type(error) is JobFailedError
    assert re.fullmatch(
        rf"{job.name} is FAILED: pod heartbeat-\S+: it ran out of memory\. "
        r"Raise jobmanager_memory_mb of \[kubernetes\] in the settings\.",
        str(error),
    )


def test_task_managers_that_run_out_of_memory(target: KubernetesTarget, new_job: NewJob) -> None:
    job = new_job(**{"env.java.opts.taskmanager": TOO_MUCH_HEAP})

    error = failure_of(target, submitted(target, job))

    assert type(error) is JobMemoryError
    assert re.fullmatch(
        rf"{job.name} ran out of memory: its TaskManager ended \(exitCode=137, reason=OOMKilled\)\. "
        r"taskmanager_memory_mb of \[kubernetes\] is \d+\. Raise it in the settings, and deploy again( \(see \S+\))?\.",
        str(error),
    )


def test_script_that_raises(target: KubernetesTarget, new_job: NewJob) -> None:
    valid = new_job()
    job = replace(valid, files={**valid.files, "run_sql.py": RAISES})

    error = failure_of(target, submitted(target, job))

    assert type(error) is JobFailedError
    assert str(error) == f"{job.name} is FAILED: RuntimeError: no luck today"
    assert "RuntimeError: no luck today" in target.logs(job.name)
    target.ensure_scripts(valid)
    assert ensure_running(target, valid).change == "created"
    await_health(target, valid)


def test_invalid_statement(target: KubernetesTarget, new_job: NewJob) -> None:
    job = with_statement(new_job(), b"INSERT INTO counts SELECT pulse, 1 FROM beats")

    error = failure_of(target, submitted(target, job))

    assert str(error) == (
        f"{job.name} is FAILED: org.apache.calcite.sql.validate.SqlValidatorException: "
        "Column 'pulse' not found in any table"
    )


def test_job_that_fails_for_good(target: KubernetesTarget, new_job: NewJob) -> None:
    job = with_statement(new_job(), FAILING, **NO_RESTART)

    error = failure_of(target, submitted(target, job))

    assert str(error) == f"{job.name} is FAILED: java.lang.ArithmeticException: / by zero"


def test_job_in_a_restart_loop_and_its_fixed_revision(target: KubernetesTarget, new_job: NewJob) -> None:
    valid = new_job()
    job = with_statement(valid, FAILING, **SHORT_BACKOFF)

    error = failure_of(target, submitted(target, job))

    assert type(error) is JobFailedError
    assert re.fullmatch(
        rf"{job.name} is in a restart loop: \d+ failures since its last checkpoint, the last one: "
        r"java\.lang\.ArithmeticException: / by zero\. Fix the cause and deploy again \(see http://heartbeat-\S+\)\.",
        str(error),
    )
    target.ensure_scripts(valid)
    assert ensure_running(target, valid).change == "changed"
    await_health(target, valid)


def test_job_manager_that_crashes_again_and_again(target: KubernetesTarget, new_job: NewJob) -> None:
    job = new_job(**{"high-availability.storageDir": "file:///opt/flink/nowhere"})

    error = failure_of(target, submitted(target, job))

    assert type(error) is JobFailedError
    assert re.fullmatch(
        rf"{job.name} is FAILED: pod heartbeat-\S+: it keeps crashing: java\.lang\.IllegalStateException: "
        r"The base directory of the JobResultStore isn't accessible\. .*",
        str(error),
    )


def test_resource_that_the_operator_rejects(target: KubernetesTarget, new_job: NewJob) -> None:
    job = new_job(**{"kubernetes.cluster-id": "other"})
    target.ensure_scripts(job)

    with pytest.raises(JobFailedError) as caught:
        target.submit(job)

    assert str(caught.value) == (
        f"{job.name} could not be submitted: the operator rejects it: Forbidden Flink config key: kubernetes.cluster-id"
    )
    assert str(failure_of(target, job)).startswith(f"{job.name} is FAILED: the operator rejects it: ")


def test_namespace_that_no_operator_watches(platform: str) -> None:
    target, job = create_target(UNWATCHED, SHORT), heartbeat()
    cluster.ensure_namespace(UNWATCHED)
    try:
        target.ensure_scripts(job)
        with pytest.raises(SetupError) as caught:
            target.submit(job)
        assert re.fullmatch(
            rf"no operator has reconciled FlinkDeployment heartbeat-\w+ for \d+ s\. Expected a Flink Kubernetes "
            rf"Operator that runs and watches namespace {UNWATCHED}\. Install or fix it\.",
            str(caught.value),
        )
        assert type(failure_of(target, job)) is SetupError
        target.delete(job.name)
        assert target.status(job.name).state is JobState.MISSING
    finally:
        cluster.delete_namespace(UNWATCHED)


def test_cluster_without_the_custom_resource(
    target: KubernetesTarget, new_job: NewJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster returns the same response for an unknown version as for an unknown kind."""
    job = new_job()
    target.ensure_scripts(job)
    path = api._PATHS["FlinkDeployment"]
    monkeypatch.setitem(api._PATHS, "FlinkDeployment", path.replace("v1beta1", "v0"))

    with pytest.raises(SetupError) as caught:
        target.submit(job)

    monkeypatch.undo()
    assert str(caught.value) == (
        "the cluster does not have the custom resource FlinkDeployment. "
        "Install the Flink Kubernetes Operator with its CRDs."
    )


def test_account_without_a_role(platform: str) -> None:
    client = new_client_from_config()
    # The token of an account that has no Role, instead of the administrator's certificate.
    token = cluster.kubectl("--namespace", NAMESPACE, "create", "token", "default", "--duration=10m").strip()
    client.configuration.cert_file = client.configuration.key_file = None
    client.configuration.api_key = {"authorization": f"Bearer {token}"}
    client = type(client)(client.configuration)
    target, job = create_target(client=client), heartbeat()

    for attempt in (
        lambda: target.ensure_scripts(job),
        lambda: target.status(job.name),
        lambda: target.delete(job.name),
    ):
        with pytest.raises(AccessDeniedError) as caught:
            attempt()
        assert f"system:serviceaccount:{NAMESPACE}:default" in str(caught.value)
        assert str(caught.value).endswith(
            ". Expected the privileges of the chart's Role for Airflow. Give Airflow the account that has it."
        )
        assert token not in json.dumps(str(caught.value))
