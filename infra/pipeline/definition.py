"""What a pipeline is: the typed form of `flink_jobs/<pipeline>/pipeline.yaml`.

Plain values; `infra.pipeline.loader` reads them from files and says what is wrong with one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from infra.errors import DefinitionError

_DURATION = re.compile(r"(\d+)\s*(ms|s|m|h|d)")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]


def _scalar_text(value: Any) -> Any:
    """YAML reads `true` and `5` as such; options of Kafka and Flink are text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_scalar_text, json_schema_input_type=str | bool | int | float)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Topic(_Part):
    """A Kafka topic as it must be; `config` is any further topic-level option."""

    partitions: int = Field(ge=1, le=10_000)
    cleanup_policy: Literal["compact", "delete"]
    replication: int | None = Field(default=None, ge=1, le=100, description="none: the broker's default")
    retention: str | None = Field(default=None, pattern=r"^\d+\s*(ms|s|m|h|d)$")
    config: dict[str, Text] = {}

    def options(self) -> dict[str, str]:
        """The topic-level options that this spec fixes, by Kafka's names."""
        options = {"cleanup.policy": self.cleanup_policy, **self.config}
        if self.retention:
            number, unit = _DURATION.fullmatch(self.retention).groups()  # type: ignore[union-attr]
            options["retention.ms"] = str(int(number) * _UNIT_MS[unit])
        return options


class MySqlSource(_Part):
    """The table that a pipeline starts from, and the file that seeds it; paths are relative to the spec."""

    database: Name
    table: Name
    schema_file: str = Field(alias="schema")
    data: str
    daily_data: str = Field(default="data/daily/{{ ds }}.csv", description="a Jinja template with the logical date")
    server_ids: str = Field(default="5400-5409", pattern=r"^\d+-\d+$")


class KafkaSource(_Part):
    """The topic that a pipeline starts from, and the JSON lines that are published to it; paths are relative.

    `key` names the field of a record that becomes its key. `tables` are what the checks read: a SELECT each, over the
    records of the topic.
    """

    topic: TopicName
    data: str
    daily_data: str = Field(default="data/daily/{{ ds }}.jsonl", description="a Jinja template with the logical date")
    key: str | None = None
    tables: dict[Name, str] = {}


class Source(_Part):
    """Where the records come from: exactly one of the two."""

    mysql: MySqlSource | None = None
    kafka: KafkaSource | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Source:
        if (self.mysql is None) == (self.kafka is None):
            raise ValueError("must name exactly one of mysql and kafka")
        return self

    @property
    def files(self) -> MySqlSource | KafkaSource:
        """The one there is: `data` and `daily_data` are what a run loads."""
        source = self.mysql or self.kafka
        assert source is not None, "the validator sees to it"  # noqa: S101
        return source


class Job(_Part):
    """A PyFlink job: a script, the files that it reads, and what it runs with."""

    script: str
    files: tuple[str, ...] = Field(default=(), strict=False, description="files or folders, relative to the spec")
    parallelism: int = Field(default=1, ge=1, le=1_000)
    after: tuple[str, ...] = Field(default=(), strict=False)
    uses: tuple[Literal["kafka", "mysql"], ...] = Field(default=("kafka",), strict=False)
    writes: tuple[TopicName, ...] = Field(default=(), strict=False)
    arguments: dict[Name, Text] = {}
    configuration: dict[str, Text] = {}


class Check(_Part):
    """How one result topic is recomputed: its key columns, and a SELECT over the source of truth."""

    key: tuple[str, ...] = Field(min_length=1, strict=False)
    expect: str


class Audit(_Part):
    """What became of the records of one topic: a SELECT with an outcome for each of them, or each element of them."""

    topic: TopicName
    query: str


class ResultTable(_Part):
    """How a person sees one result topic: a heading, and `heading: format` by column."""

    title: str
    topic: TopicName
    columns: dict[str, str] = Field(min_length=1)


class Pipeline(_Part):
    """A whole pipeline; `folder` is where its files are."""

    name: Name
    description: str
    owner: str = "data-platform"
    owner_link: str | None = Field(default=None, pattern=r"^(https?://|mailto:)\S+$")
    tags: tuple[str, ...] = Field(default=(), strict=False)
    topics: dict[TopicName, Topic] = Field(min_length=1)
    source: Source
    jobs: dict[Name, Job] = Field(min_length=1)
    quarantine: TopicName | None = None
    checks: dict[TopicName, Check] = {}
    audit: Audit | None = None
    results: tuple[ResultTable, ...] = Field(default=(), strict=False)
    folder: Path = Field(default=Path(), exclude=True, strict=False)

    @property
    def mysql_source(self) -> MySqlSource:
        """The table that the pipeline starts from; DefinitionError where it starts from a topic."""
        if self.source.mysql is None:
            raise DefinitionError(f"pipeline {self.name} has no source.mysql; its records come from source.kafka")
        return self.source.mysql

    @property
    def kafka_source(self) -> KafkaSource:
        """The topic that the pipeline starts from; DefinitionError where it starts from a table."""
        if self.source.kafka is None:
            raise DefinitionError(f"pipeline {self.name} has no source.kafka; its records come from source.mysql")
        return self.source.kafka

    def path(self, relative: str) -> Path:
        """The path of a file that the spec names."""
        return self.folder / relative

    def job_files(self, job: str) -> list[Path]:
        """The files of a job's bundle: its script first, then its other files, folders replaced by what is in them."""
        spec = self.jobs[job]
        files = [self.path(spec.script)]
        for relative in spec.files:
            path = self.path(relative)
            files += sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
        return files
