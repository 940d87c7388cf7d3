"""infra/versions.toml: every copy of a version agrees with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.settings import ROOT
from infra.setup.jars import lock_file, read_lock
from infra.versions import load_versions

DOCKERFILES = [*sorted(ROOT.glob("docker/*/Dockerfile")), *sorted(ROOT.glob("tests/kubernetes/images/*/Dockerfile"))]


def _pins(path: Path = ROOT / "requirements.txt") -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if re.match(r"^[a-z0-9-]+==", line))


def test_requirements_have_this_flink() -> None:
    assert _pins()["apache-flink"] == load_versions().flink.flink


def test_connectors_fit_this_flink() -> None:
    versions = load_versions()
    flink = versions.flink.flink

    assert versions.jars["flink"].version_of("flink-connector-base") == flink
    assert versions.jars["flink"].version_of("flink-connector-kafka").endswith("-" + flink.rpartition(".")[0])


def test_broker_jar_is_the_broker() -> None:
    versions = load_versions()

    assert versions.jars["kafka"].version_of("kafka_2.13") == versions.kafka.broker


def test_python_is_what_the_project_requires() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert f'requires-python = ">={load_versions().tools.python},' in pyproject


def test_operator_jar_is_the_operator() -> None:
    versions = load_versions()

    for artifact in ("flink-kubernetes-operator", "flink-kubernetes-standalone"):
        assert versions.jars["operator"].version_of(artifact) == versions.kubernetes.flink_operator


@pytest.mark.parametrize("name", sorted({jar_set.lock for jar_set in load_versions().jars.values()}))
def test_lock_has_every_jar_of_the_versions(name: str) -> None:
    locked = {f"{jar.jar_set}/{jar.file}" for jar in read_lock(lock_file(name))}
    expected = {
        f"{jar_set_name}/{coordinate.split(':')[1]}-{version}.jar"
        for jar_set_name, jar_set in load_versions().jars.items()
        if jar_set.lock == name
        for coordinate, version in jar_set.coordinates.items()
    }

    assert expected <= locked
    assert {jar.split("/")[0] for jar in expected} == {jar.split("/")[0] for jar in locked}


def test_airflow_image_has_our_pins_and_no_flink() -> None:
    image = _pins(ROOT / "docker" / "airflow" / "requirements.txt")
    ours = _pins(ROOT / "requirements.txt")

    assert {name for name, version in image.items() if ours.get(name, version) != version} == set()
    assert {"asyncpg", "psycopg2-binary"} <= image.keys() - ours.keys()
    assert "apache-flink" not in image


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_dockerfile_states_no_version(path: Path) -> None:
    """Versions come as build arguments, from locks and from the base image's release."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]

    assert [line for line in lines if re.search(r"\d\.\d|jdk-?\d", line)] == []
    assert [line for line in lines if re.match(r"ARG (?!BASE=)\w+=", line)] == []
