"""The rendered chart: objects per values file, privileges, and where passwords appear."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings import ROOT
from infra.versions import load_versions
from tests.unit.helm.conftest import CHART, CI_VALUES, Helm, Objects

WORKLOADS = ("StatefulSet", "Deployment", "Job")
AIRFLOW_RULES = {
    "flink.apache.org/flinkdeployments": "get list watch create patch delete",
    "flink.apache.org/flinkstatesnapshots": "get list create patch delete",
    "apps/deployments": "list",
    "/configmaps": "get list create patch delete",
    "/pods": "get list",
    "/events": "get list",
    "/pods/log": "get",
    "/services": "get",
    "/services/proxy": "get",
}
FLINK_RULES = {
    "/pods": "get list watch create update patch delete deletecollection",
    "/configmaps": "get list watch create update patch delete deletecollection",
    "/services": "get list watch",
    "apps/deployments": "get list watch delete",
    "apps/deployments/finalizers": "update",
}
ALWAYS = {"ServiceAccount/olympic-airflow", "ServiceAccount/flink", "Role/olympic-airflow", "Role/flink"}


def named(objects: Objects) -> dict[str, dict[str, Any]]:
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in objects}


def pod_specs(objects: Objects) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in objects:
        if item["kind"] in WORKLOADS:
            yield item["metadata"]["name"], item["spec"]["template"]["spec"]


def rules(role: dict[str, Any]) -> dict[str, str]:
    return {
        f"{group}/{resource}": " ".join(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def secret_values(item: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in item["data"].items()}


@pytest.mark.parametrize("values", CI_VALUES, ids=lambda path: path.stem)
def test_lint(helm: Helm, values: Path) -> None:
    result = helm("lint", CHART, "--strict", "--values", values)
    assert result.returncode == 0, result.stdout + result.stderr


def test_privileges_are_exact_and_limited_to_one_namespace(objects: Objects) -> None:
    found = named(objects)
    assert found.keys() >= ALWAYS
    assert rules(found["Role/olympic-airflow"]) == AIRFLOW_RULES
    assert rules(found["Role/flink"]) == FLINK_RULES
    assert [name for name in found if name.startswith("Cluster")] == []
    assert {item["subjects"][0]["namespace"] for item in objects if item["kind"] == "RoleBinding"} == {"games"}


def test_every_container_is_restricted(objects: Objects) -> None:
    for name, spec in pod_specs(objects):
        pod = spec["securityContext"]
        assert (pod["runAsNonRoot"], pod["seccompProfile"]["type"]) == (True, "RuntimeDefault"), name
        assert pod["runAsUser"] > 0, name
        assert spec["automountServiceAccountToken"] is False, name
        for container in spec["containers"] + spec.get("initContainers", []):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
            assert "memory" in container["resources"]["limits"], name
            assert not container["image"].endswith((":latest", ":")), name


def test_no_password_outside_secrets(objects: Objects) -> None:
    passwords = {
        secret_values(item)["password"] for item in objects if item["kind"] == "Secret" and "password" in item["data"]
    }
    elsewhere = yaml.safe_dump_all([item for item in objects if item["kind"] != "Secret"])
    assert [password for password in passwords if password in elsewhere] == []
    for name, spec in pod_specs(objects):
        literal = [variable["name"] for container in spec["containers"] for variable in container.get("env", [])]
        assert [variable for variable in literal if variable.endswith(("PASSWORD", "PASSWORD_HASH"))] == [], name


def test_secrets_and_connections_agree(default_objects: Objects) -> None:
    found = named(default_objects)
    connections = secret_values(found["Secret/olympic-airflow-connections"])
    for suffix, user in {"mysql": "owner", "mysql-cdc": "cdc", "mysql-reader": "reader"}.items():
        secret = secret_values(found[f"Secret/olympics-{suffix}"])
        connection = json.loads(connections[f"AIRFLOW_CONN_OLYMPICS_{suffix.upper().replace('-', '_')}"])
        assert secret["username"] == f"olympics_{user}"
        assert len(secret["password"]) == 32
        assert connection == {
            "conn_type": "mysql",
            "host": "mysql.games.svc",
            "port": 3306,
            "schema": "olympics",
            "login": secret["username"],
            "password": secret["password"],
        }
    assert json.loads(connections["AIRFLOW_CONN_OLYMPICS_KAFKA"]) == {
        "conn_type": "kafka",
        "extra": {"bootstrap.servers": "kafka.games.svc:9092"},
    }
    assert json.loads(connections["AIRFLOW_CONN_KUBERNETES_DEFAULT"])["extra"] == {
        "in_cluster": True,
        "namespace": "games",
    }


def test_generated_passwords_differ_and_survive_an_uninstall(default_objects: Objects) -> None:
    secrets = [item for item in default_objects if item["kind"] == "Secret" and "password" in item["data"]]
    assert len({secret_values(item)["password"] for item in secrets}) == len(secrets) == 4
    assert {item["metadata"]["annotations"]["helm.sh/resource-policy"] for item in secrets} == {"keep"}


def test_external_systems_leave_only_accounts_and_privileges(render: Callable[[Path], Objects]) -> None:
    assert named(render(CHART / "ci" / "external-systems-values.yaml")).keys() == ALWAYS | {
        "RoleBinding/olympic-airflow",
        "RoleBinding/flink",
    }


def test_every_pipeline_gets_connections_and_one_with_a_database_gets_users(helm: Helm) -> None:
    pipelines = [
        {"name": "olympics", "database": "olympics"},
        {"name": "olympic_events"},
        {"name": "winter_games", "database": "winter"},
    ]
    rendered = helm("template", CHART, "--set-json", f"pipelines={json.dumps(pipelines)}")
    found = named([item for item in yaml.safe_load_all(rendered.stdout) if item])
    assert secret_values(found["Secret/winter-games-mysql-cdc"])["username"] == "winter_cdc"
    connections = found["Secret/olympic-airflow-connections"]["data"]
    assert {name.removeprefix("AIRFLOW_CONN_") for name in connections} == {
        "KUBERNETES_DEFAULT",
        *(f"OLYMPICS_{part}" for part in ("KAFKA", "MYSQL", "MYSQL_CDC", "MYSQL_READER")),
        "OLYMPIC_EVENTS_KAFKA",
        *(f"WINTER_GAMES_{part}" for part in ("KAFKA", "MYSQL", "MYSQL_CDC", "MYSQL_READER")),
    }
    assert [name for name in found if "olympic-events" in name] == []
    job = found["Job/mysql-users"]["spec"]["template"]["spec"]["containers"][0]
    assert job["args"][-2:] == ["olympics=/run/secrets/olympics", "winter=/run/secrets/winter-games"]


def test_unknown_key_is_named(helm: Helm) -> None:
    result = helm("template", CHART, "--set", "kafka.enable=false")
    assert result.returncode != 0
    assert "kafka" in result.stderr
    assert "enable" in result.stderr
    assert "additional" in result.stderr.lower()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "kafka.enabled=false",
            (
                "kafka.bootstrapServers: missing. Expected host:port[,host:port...] because kafka.enabled is false. "
                "Set it to your brokers."
            ),
        ),
        (
            "mysql.enabled=false",
            "mysql.host: missing. Expected a host name because mysql.enabled is false. Set it to your server.",
        ),
        (
            "kafka.external.enabled=true",
            (
                "kafka.external.host: missing. Expected the address of a node because kafka.external.enabled is true. "
                "Set it to one that clients reach."
            ),
        ),
    ],
)
def test_missing_value_is_named(helm: Helm, key: str, message: str) -> None:
    assert message in helm("template", CHART, "--set", key).stderr


def test_digest_takes_precedence_over_the_tag(helm: Helm) -> None:
    digest = "sha256:" + "2f" * 32
    settings = [f"{part}.image.digest={digest}" for part in ("airflow", "kafka", "mysql")]
    rendered = helm("template", CHART, *(word for setting in settings for word in ("--set", setting)))
    specs = pod_specs([item for item in yaml.safe_load_all(rendered.stdout) if item])
    images = {name: spec["containers"][0]["image"] for name, spec in specs}
    assert images == {
        "kafka": f"apache/kafka@{digest}",
        "mysql": f"mysql@{digest}",
        "mysql-users": f"olympic-streaming/airflow@{digest}",
    }


def test_incomplete_digest_is_rejected(helm: Helm) -> None:
    result = helm("template", CHART, "--set", "kafka.image.digest=sha256:2f")
    assert result.returncode != 0
    assert "digest" in result.stderr


def test_chart_repeats_the_versions_of_the_project() -> None:
    versions = load_versions()
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    airflow = yaml.safe_load((ROOT / "helm" / "airflow-values.yaml").read_text())
    project = (ROOT / "pyproject.toml").read_text()

    assert values["kafka"]["image"]["tag"] == versions.kafka.broker
    assert values["mysql"]["image"]["tag"] == versions.kubernetes.mysql_image
    assert f'version = "{chart["appVersion"]}"\n' in project
    assert chart["version"] == chart["appVersion"] == airflow["images"]["airflow"]["tag"]
    assert f'"apache-airflow=={airflow["airflowVersion"]}",' in project


def test_airflow_values_need_no_provider_that_the_image_lacks() -> None:
    airflow = yaml.safe_load((ROOT / "helm" / "airflow-values.yaml").read_text())
    requirements = (ROOT / "docker" / "airflow" / "requirements.txt").read_text()
    assert "apache-airflow-providers-fab" not in requirements
    assert airflow["config"]["core"]["auth_manager"].startswith("airflow.api_fastapi.")
    assert airflow["createUserJob"] == {"defaultUser": {"enabled": False}}


def test_values_of_the_official_charts_use_the_names_of_this_chart(default_objects: Objects) -> None:
    found = named(default_objects)
    airflow = yaml.safe_load((ROOT / "helm" / "airflow-values.yaml").read_text())
    operator = yaml.safe_load((ROOT / "helm" / "flink-operator-values.yaml").read_text())

    assert f"Secret/{yaml.safe_load(airflow['extraEnvFrom'])[0]['secretRef']['name']}" in found
    for part in ("scheduler", "triggerer"):
        assert airflow[part]["serviceAccount"] == {"create": False, "name": "olympic-airflow"}
    assert operator["jobServiceAccount"] == {"create": False, "name": "flink"}


def test_one_object_per_file() -> None:
    for path in (CHART / "templates").glob("*.yaml"):
        assert path.read_text().count("\nkind:") == 1, path.name


def test_jobs_log_in_with_what_the_connections_have(render: Callable[[Path], Objects]) -> None:
    objects = render(CHART / "ci" / "secure-systems-values.yaml")
    secrets = {item["metadata"]["name"]: secret_values(item) for item in objects if item["kind"] == "Secret"}
    assert secrets["olympics-kafka"] == {
        "password": "swordfish",
        "ca.crt": "the certificate of Kafka's authority",
    }
    assert secrets["olympics-mysql-cdc"]["ca.crt"] == "the certificate of MySQL's authority"
    assert "ca.crt" not in secrets["olympics-mysql"]
    connections = secrets["olympic-airflow-connections"]
    kafka = json.loads(connections["AIRFLOW_CONN_OLYMPICS_KAFKA"])["extra"]
    assert kafka["sasl.plain.password"] == secrets["olympics-kafka"]["password"]
    assert json.loads(connections["AIRFLOW_CONN_OLYMPICS_MYSQL_CDC"])["extra"] == {
        "ssl_mode": "VERIFY_CA",
        "ssl_ca": "/etc/mysql-tls/ca.crt",
    }
    others = [item for item in objects if item["kind"] != "Secret"]
    assert "swordfish" not in json.dumps(others)
