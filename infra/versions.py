"""The typed reader of versions.toml, which has every version of the platform."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

VERSIONS_FILE = Path(__file__).with_name("versions.toml")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ToolVersions(_Section):
    """The tools that `make setup` uses; of Python and Java any version up to the newest."""

    python: str
    newest_python: str
    setuptools: str
    uv: str
    java: str
    newest_java: str
    maven_dependency_plugin: str


class FlinkVersions(_Section):
    """Flink itself; its connectors are in the jar set `flink`."""

    flink: str


class KafkaVersions(_Section):
    """The Kafka broker."""

    broker: str


class MySqlVersions(_Section):
    """The servers that the CDC connector reads, both ends included, and where Debian has the newest."""

    oldest: str
    newest: str
    interceptor_from: str
    oldest_mariadb: str
    debian_suite: str
    debian_packages: tuple[str, ...] = Field(strict=False)


class KubernetesVersions(_Section):
    """Software that runs in a cluster next to the platform."""

    flink_operator: str
    oldest_flink_operator: str
    mysql_image: str


class JarSet(_Section):
    """Jars of one folder: `group:artifact` to version, and the names of the dependencies to include.

    `lock` is the stem of the set's lock file; sets with the same lock are downloaded together.
    """

    lock: str = "jars"
    coordinates: dict[str, str]
    transitive: list[str]

    def version_of(self, artifact: str) -> str:
        """Return the version of an artifact, named without its group; KeyError if the set does not have it."""
        return {name.split(":")[1]: version for name, version in self.coordinates.items()}[artifact]


class Versions(_Section):
    """All versions.

    `maintenance` has the programs that only maintainers run, `bench` the requirements of each Python environment of the
    benchmark, `spark` its jars.
    """

    tools: ToolVersions
    flink: FlinkVersions
    kafka: KafkaVersions
    mysql: MySqlVersions
    kubernetes: KubernetesVersions
    jars: dict[str, JarSet]
    maintenance: dict[str, str]
    bench: dict[str, list[str]]
    spark: JarSet


@cache
def load_versions() -> Versions:
    """Return the versions of this checkout."""
    return Versions.model_validate(tomllib.loads(VERSIONS_FILE.read_text(encoding="utf-8")))
