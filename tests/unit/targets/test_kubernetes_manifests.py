"""From a job to its objects: names, references, and no secret's value anywhere."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from infra.errors import DefinitionError, SetupError
from infra.jobs.job import Secret
from infra.jobs.options import recovery_options
from infra.pipeline.naming import secret_name
from infra.settings import load_settings
from infra.targets.kubernetes.manifests import render_config_map, render_flink_deployment, resource_name
from tests.kubernetes.crds import operator_crds, violations
from tests.support.jobs import JOB

SETTINGS = load_settings({}).kubernetes


def test_names_are_of_the_form_that_kubernetes_takes() -> None:
    assert resource_name("olympic_events.record_join") == "olympic-events-record-join"


def test_bundle_is_named_after_its_revision_and_holds_every_file() -> None:
    bundle = render_config_map(replace(JOB, files={**JOB.files, "blob.bin": b"\xff\x00"}), SETTINGS)
    revision = bundle["metadata"]["annotations"]["olympic-streaming/revision"]
    assert bundle["metadata"]["name"] == f"games-cdc-{revision}"
    assert bundle["data"] == {"cdc.py": "print()", "10_players.sql": "SELECT 1"}
    assert bundle["binaryData"] == {"blob.bin": "/wA="}
    assert bundle["immutable"] is True


def test_bundle_over_the_limit_is_an_error_that_says_so() -> None:
    with pytest.raises(DefinitionError) as caught:
        render_config_map(replace(JOB, files={"big.sql": b"x" * 1_048_577}), SETTINGS)
    assert str(caught.value) == (
        "the scripts of games.cdc are 1048584 bytes, and a ConfigMap takes 1048576; "
        "take files out of the job, or put large ones into the image"
    )


def test_deployment_refers_to_the_secret_in_the_job_manager_alone() -> None:
    deployment = render_flink_deployment(JOB, SETTINGS, None)
    assert "swordfish" not in json.dumps(deployment)
    manager = deployment["spec"]["jobManager"]["podTemplate"]["spec"]["containers"][0]
    reference = {"name": "games-mysql-cdc", "key": "password"}
    assert manager["env"] == [{"name": "MYSQL_PASSWORD", "valueFrom": {"secretKeyRef": reference}}]
    assert "MYSQL_PASSWORD" not in json.dumps([deployment["spec"]["podTemplate"], deployment["spec"]["taskManager"]])


def test_deployment_says_its_revision_and_where_to_start() -> None:
    spec = render_flink_deployment(JOB, SETTINGS, "file:///flink-data/games-cdc/savepoints/1")["spec"]
    assert spec["flinkConfiguration"]["pipeline.global-job-parameters"] == f"revision:{JOB.revision}"
    assert spec["flinkConfiguration"]["a.b"] == "1"
    assert spec["job"]["initialSavepointPath"] == "file:///flink-data/games-cdc/savepoints/1"
    assert spec["job"]["args"] == [
        "-py", "/opt/flink/jobs/cdc.py", "--scripts", "/opt/flink/jobs", "--topic", "games.players", "--group", "games",
    ]  # fmt: skip


def test_pods_keep_to_the_restricted_profile() -> None:
    pod = render_flink_deployment(JOB, SETTINGS, None)["spec"]["podTemplate"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_credential_is_a_reference_to_the_secret_that_the_job_names() -> None:
    job = replace(JOB, secrets={"MYSQL_PASSWORD": Secret("swordfish", secret_name("winter_games", "cdc"), "password")})

    deployment = render_flink_deployment(job, SETTINGS, None)

    [variable] = deployment["spec"]["jobManager"]["podTemplate"]["spec"]["containers"][0]["env"]
    assert variable == {
        "name": "MYSQL_PASSWORD",
        "valueFrom": {"secretKeyRef": {"name": "winter-games-mysql-cdc", "key": "password"}},
    }
    assert "swordfish" not in json.dumps(deployment)


def test_job_has_the_one_recovery_policy() -> None:
    configuration = render_flink_deployment(JOB, SETTINGS, None)["spec"]["flinkConfiguration"]

    assert recovery_options(SETTINGS.checkpoint_interval_ms).items() <= configuration.items()


def test_deployment_keeps_to_the_definition_of_the_resource() -> None:
    try:
        operator_crds()
    except SetupError as error:
        pytest.skip(str(error))
    known = SETTINGS.model_copy(update={"flink_version": "v1_18"})  # the newest that the tests' operator knows
    assert violations(render_flink_deployment(JOB, known, None)) == []
