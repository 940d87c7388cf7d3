"""One file of versions: what has to repeat one elsewhere agrees with it."""

from __future__ import annotations

import re

from infra.settings import ROOT
from infra.setup.jars import read_lock
from infra.versions import load_versions


def _pins() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
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


def test_lock_has_every_jar_of_the_versions() -> None:
    locked = {f"{jar.jar_set}/{jar.file}" for jar in read_lock()}
    wanted = {
        f"{name}/{coordinate.split(':')[1]}-{version}.jar"
        for name, jar_set in load_versions().jars.items()
        for coordinate, version in jar_set.coordinates.items()
    }

    assert wanted <= locked
