"""docker/compose.yaml and docker/flink-config.yaml: versions, hardening, and agreement with the other stacks."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from infra.flink.java import JAVA_17_OPTIONS
from infra.jobs.options import (
    OUT_OF_MEMORY_FILE,
    exit_options_of_session,
    recovery_options,
    session_cluster_options,
    state_options,
)
from infra.settings import ROOT, load_settings
from infra.stacks.compose.stack import OUR_IMAGES
from infra.versions import load_versions

FILE: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
FLINK: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "flink-config.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
IMAGE = re.compile(r"\$\{(?P<variable>[A-Z]+_IMAGE):-(?P<default>[^}]+)}")


def default_image(service: str) -> tuple[str, str]:
    """Return the variable and the default of a service's image."""
    found = IMAGE.fullmatch(SERVICES[service]["image"])
    assert found is not None, f"{service}: a variable must be able to override the image"
    return found["variable"], found["default"]


def test_images_are_official_or_our_own() -> None:
    versions = load_versions()
    version = re.findall(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[0]
    flink, airflow, session = (f"olympic-streaming/{name}:{version}" for name in OUR_IMAGES)

    assert {service: default_image(service) for service in SERVICES} == {
        "kafka": ("KAFKA_IMAGE", f"apache/kafka:{versions.kafka.broker}"),
        "mysql": ("MYSQL_IMAGE", f"mysql:{versions.kubernetes.mysql_image}"),
        "mysql-users": ("AIRFLOW_IMAGE", session),
        "jobmanager": ("FLINK_IMAGE", flink),
        "taskmanager": ("FLINK_IMAGE", flink),
        "airflow": ("AIRFLOW_IMAGE", session),
    }
    assert airflow not in str(FILE), "the image without Flink's client cannot submit"


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_hardened(name: str) -> None:
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit", "restart", "logging"} <= service.keys()
    assert {"privileged", "container_name", "network_mode"} & service.keys() == set()
    assert all(port.startswith("127.0.0.1:${") for port in service.get("ports", []))
    assert "healthcheck" in service or name == "mysql-users"


def test_services_that_share_job_state_have_the_same_user() -> None:
    sharing = [name for name, service in SERVICES.items() if "flink-data:/flink-data" in service.get("volumes", [])]

    assert sharing == ["jobmanager", "taskmanager", "airflow"]
    assert {SERVICES[name].get("user") for name in ("jobmanager", "taskmanager")} == {"9999:0"}
    assert "\nUSER 9999:0\n" in (ROOT / "docker" / "airflow-session" / "Dockerfile").read_text()


def test_file_contains_no_secret() -> None:
    values = [value for service in SERVICES.values() for value in service.get("environment", {}).items()]

    assert [key for key, _ in values if "PASSWORD" in key] == ["MYSQL_ROOT_PASSWORD_FILE"]
    assert all(set(secret) == {"file"} for secret in FILE["secrets"].values())


def test_flink_has_the_policies_of_all_targets() -> None:
    interval = load_settings({}).flink.checkpoint_interval_ms
    policy = {**recovery_options(interval), **state_options(), **session_cluster_options()}

    assert {option: str(FLINK.get(option)).replace("True", "true") for option in policy} == policy
    assert FLINK["web.submit.enable"] is False


def test_job_state_is_in_the_folder_of_the_target() -> None:
    folder = load_settings({}).session.dir

    assert FLINK["execution.checkpointing.dir"] == f"file://{folder}/checkpoints"
    assert FLINK["execution.checkpointing.savepoint-dir"] == f"file://{folder}/savepoints"


def test_task_manager_without_memory_writes_the_file_of_the_target() -> None:
    file = f"{load_settings({}).session.dir}/{OUT_OF_MEMORY_FILE}"

    assert FLINK["env.java.opts.taskmanager"] == f"-XX:+UseParallelGC {exit_options_of_session(file)}"


def test_flink_has_the_options_of_java_17() -> None:
    assert FLINK["env.java.opts.all"].split() == JAVA_17_OPTIONS.split()
