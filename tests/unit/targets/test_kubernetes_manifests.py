"""The Kubernetes objects of a job: names, references, and no value of a secret anywhere."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from infra.errors import DefinitionError, SetupError
from infra.jobs.job import Secret
from infra.jobs.options import exit_options, recovery_options, state_options
from infra.pipeline.naming import secret_name
from infra.settings import load_settings
from infra.targets.kubernetes.manifests import SECRETS, render_config_map, render_flink_deployment, resource_name
from tests.kubernetes.crds import flink_versions, locked_crds, violations
from tests.support.jobs import JOB

SETTINGS = load_settings({}).kubernetes


def test_names_have_the_form_that_kubernetes_accepts() -> None:
    assert resource_name("olympic_events.record_join") == "olympic-events-record-join"


def test_config_map_is_named_after_the_revision_and_has_every_job_script() -> None:
    config_map = render_config_map(replace(JOB, files={**JOB.files, "blob.bin": b"\xff\x00"}), SETTINGS)
    revision = config_map["metadata"]["annotations"]["olympic-streaming/revision"]
    assert config_map["metadata"]["name"] == f"games-cdc-{revision}"
    assert config_map["data"] == {"cdc.py": "print()", "10_players.sql": "SELECT 1"}
    assert config_map["binaryData"] == {"blob.bin": "/wA="}
    assert config_map["immutable"] is True


def test_job_scripts_over_the_limit_are_an_error() -> None:
    with pytest.raises(DefinitionError) as caught:
        render_config_map(replace(JOB, files={"big.sql": b"x" * 1_048_577}), SETTINGS)
    assert str(caught.value) == (
        "job games.cdc: its job scripts have 1048584 bytes. Expected at most 1048576, the limit of a ConfigMap. "
        "Remove files from the job, or put large ones into the image."
    )


def test_secrets_are_mounted_where_the_arguments_refer_to_them() -> None:
    files = (Secret("games-kafka", "ca.crt", file="/task/ca.crt"), Secret("games-kafka", "password", "marlin"))
    deployment = render_flink_deployment(replace(JOB, secrets=(*JOB.secrets, *files)), SETTINGS, None)
    assert [text for text in ("swordfish", "marlin", "/task/") if text in json.dumps(deployment)] == []
    pod = deployment["spec"]["podTemplate"]["spec"]
    mounts = [each for each in pod["containers"][0]["volumeMounts"] if each["mountPath"].startswith(SECRETS)]
    assert mounts == [
        {"name": name, "mountPath": f"/opt/flink/secrets/games.cdc/{name}", "readOnly": True}
        for name in ("games-mysql-cdc", "games-kafka")
    ]
    assert [each["secret"] for each in pod["volumes"] if "secret" in each] == [
        {
            "secretName": "games-mysql-cdc",
            "items": [{"key": "password", "path": "password"}],
            "defaultMode": 0o440,
        },
        {
            "secretName": "games-kafka",
            "items": [{"key": "ca.crt", "path": "ca.crt"}, {"key": "password", "path": "password"}],
            "defaultMode": 0o440,
        },
    ]
    assert "env" not in deployment["spec"]["jobManager"]["podTemplate"]["spec"]["containers"][0]


def test_deployment_has_its_revision_and_its_initial_savepoint() -> None:
    spec = render_flink_deployment(JOB, SETTINGS, "file:///flink-data/games-cdc/savepoints/1")["spec"]
    assert spec["flinkConfiguration"]["pipeline.global-job-parameters"] == f"revision:{JOB.revision}"
    assert spec["flinkConfiguration"]["a.b"] == "1"
    assert spec["job"]["initialSavepointPath"] == "file:///flink-data/games-cdc/savepoints/1"
    assert spec["job"]["args"] == [
        "-py", "/opt/flink/jobs/cdc.py", "--scripts", "/opt/flink/jobs", "--topic", "games.players", "--group", "games",
    ]  # fmt: skip


def test_pods_conform_to_the_restricted_profile() -> None:
    pod = render_flink_deployment(JOB, SETTINGS, None)["spec"]["podTemplate"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_credential_is_a_reference_to_the_secret_that_the_job_names() -> None:
    job = replace(JOB, secrets=(Secret(secret_name("winter_games", "cdc"), "password", "swordfish"),))

    deployment = render_flink_deployment(job, SETTINGS, None)

    [volume] = [each for each in deployment["spec"]["podTemplate"]["spec"]["volumes"] if "secret" in each]
    assert volume["secret"]["secretName"] == "winter-games-mysql-cdc"
    assert "swordfish" not in json.dumps(deployment)


def test_job_has_the_recovery_policy_of_all_targets() -> None:
    configuration = render_flink_deployment(JOB, SETTINGS, None)["spec"]["flinkConfiguration"]

    assert recovery_options(SETTINGS.checkpoint_interval_ms).items() <= configuration.items()
    assert state_options().items() <= configuration.items()
    assert configuration["env.java.opts.taskmanager"] == exit_options()


def test_savepoints_of_upgrades_stay_for_a_rollback_unless_the_job_says_otherwise() -> None:
    option = "kubernetes.operator.savepoint.history.max."
    configuration = render_flink_deployment(JOB, SETTINGS, None)["spec"]["flinkConfiguration"]
    more = replace(JOB, configuration={f"{option}count": "9"})

    assert (configuration[f"{option}count"], configuration[f"{option}age"]) == ("3", "36500 d")
    assert configuration["kubernetes.operator.savepoint.dispose-on-delete"] == "false"
    assert render_flink_deployment(more, SETTINGS, None)["spec"]["flinkConfiguration"][f"{option}count"] == "9"


def test_deployment_conforms_to_the_custom_resource_definition() -> None:
    try:
        crds = locked_crds()
    except SetupError as error:
        pytest.skip(str(error))
    supported = SETTINGS.model_copy(update={"flink_version": flink_versions(crds)[-1]})
    assert violations(render_flink_deployment(JOB, supported, None), crds) == []
