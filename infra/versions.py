"""The typed reader of versions.toml, the one file that holds the version of every part."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

VERSIONS_FILE = Path(__file__).with_name("versions.toml")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ToolVersions(_Part):
    """What the set-up works with."""

    python: str
    uv: str
    java: str
    maven_dependency_plugin: str


class FlinkVersions(_Part):
    """Flink itself; its connectors are in the jar set `flink`."""

    flink: str


class KafkaVersions(_Part):
    """The broker."""

    broker: str


class KubernetesVersions(_Part):
    """What runs in a cluster beside our own parts."""

    flink_operator: str
    mysql_image: str


class JarSet(_Part):
    """Jars that lie in one folder: `group:artifact` to version, and which of their dependencies come along.

    `lock` is the stem of the lock file that holds the set; what shares a lock is fetched together.
    """

    lock: str = "jars"
    coordinates: dict[str, str]
    transitive: list[str]

    def version_of(self, artifact: str) -> str:
        """The version of an artifact by its name without the group; KeyError when the set has none such."""
        return {name.split(":")[1]: version for name, version in self.coordinates.items()}[artifact]


class Versions(_Part):
    """The whole file."""

    tools: ToolVersions
    flink: FlinkVersions
    kafka: KafkaVersions
    kubernetes: KubernetesVersions
    jars: dict[str, JarSet]


@cache
def load_versions() -> Versions:
    """The versions of this checkout."""
    return Versions.model_validate(tomllib.loads(VERSIONS_FILE.read_text(encoding="utf-8")))
