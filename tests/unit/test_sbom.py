"""The jars of the software bill of materials; the Python packages are those of cyclonedx-py."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from infra.setup.jars import read_lock
from infra.setup.sbom import coordinates, jar_components


def jar(folder: Path, name: str, **properties: str) -> Path:
    """Write a jar with the Maven metadata of each artifact: its group and version."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "")
        for artifact, value in properties.items():
            group, version = value.split(":")
            text = f"#Generated\nartifactId={artifact}\ngroupId={group}\nversion={version}\n"
            archive.writestr(f"META-INF/maven/{group}/{artifact}/pom.properties", text)
    return path


def test_jar_with_others_inside_has_its_own_coordinates(tmp_path: Path) -> None:
    path = jar(tmp_path, "outer-2.0.jar", inner="org.inner:1.0", outer="org.outer:2.0")

    assert coordinates(path) == ("org.outer", "outer", "2.0")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kafka_2.13-4.4.0", ("org.apache.kafka", "kafka_2.13", "4.4.0")),  # stated in versions.toml
        ("flink-connector-kafka-3.4.0-1.20", ("org.apache.flink", "flink-connector-kafka", "3.4.0-1.20")),
        ("flink-shaded-asm-9-9.3-16.1", ("", "flink-shaded-asm-9", "9.3-16.1")),
        ("zstd-jni-1.5.6-4", ("", "zstd-jni", "1.5.6-4")),
    ],
)
def test_jar_without_metadata_is_read_from_its_name(tmp_path: Path, name: str, expected: tuple[str, str, str]) -> None:
    assert coordinates(jar(tmp_path, f"{name}.jar")) == expected


def test_every_locked_jar_is_listed_once_with_its_checksum_and_its_sets() -> None:
    found = {component["hashes"][0]["content"]: component for component in jar_components(["jars"])}

    for locked in read_lock():
        sets = [entry["value"] for entry in found[locked.sha256]["properties"]]
        assert locked.jar_set in sets
        assert found[locked.sha256]["version"]
