"""The pipeline definition: the typed form of `flink_jobs/<pipeline>/pipeline.yaml`.

Plain values; `infra.pipeline.loader` reads them from files and validates them. Paths are relative to the definition.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from infra.errors import DefinitionError

# https://dev.mysql.com/doc/refman/8.0/en/replication-options.html#sysvar_server_id
MAX_SERVER_ID = 2**32 - 1

_DURATION = re.compile(r"(\d+)\s*(ms|s|m|h|d)")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]


def _scalar_text(value: Any) -> Any:
    """Return a YAML boolean or number as text, which options of Kafka and Flink are."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_scalar_text, json_schema_input_type=str | bool | int | float)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Topic(_Part):
    """The desired state of a Kafka topic; `config` holds further topic-level options."""

    partitions: int = Field(ge=1, le=10_000)
    cleanup_policy: Literal["compact", "delete"]
    replication: int | None = Field(default=None, ge=1, le=100, description="none: the broker's default")
    retention: str | None = Field(default=None, pattern=r"^\d+\s*(ms|s|m|h|d)$")
    config: dict[str, Text] = {}

    def options(self) -> dict[str, str]:
        """Return the topic-level options that the definition sets, by Kafka's names."""
        options = {"cleanup.policy": self.cleanup_policy, **self.config}
        if self.retention:
            number, unit = _DURATION.fullmatch(self.retention).groups()  # type: ignore[union-attr]
            options["retention.ms"] = str(int(number) * _UNIT_MS[unit])
        return options


class MySqlSource(_Part):
    """The source table of a pipeline, its schema file, and the data file that seeds it."""

    database: Name
    table: Name
    schema_file: str = Field(alias="schema")
    data: str
    daily_data: str = Field(default="data/daily/{{ ds }}.csv", description="a Jinja template with the logical date")
    server_ids: str = Field(default="5400-5409", pattern=r"^\d+-\d+$")


class KafkaSource(_Part):
    """The source topic of a pipeline, and the file of JSON lines that is published to it.

    `key` names the field whose value becomes the record's key. `tables` are the inputs of the checks: each is a SELECT
    over the records of the topic and the tables before it.
    """

    topic: TopicName
    data: str
    daily_data: str = Field(default="data/daily/{{ ds }}.jsonl", description="a Jinja template with the logical date")
    key: str | None = None
    tables: dict[Name, str] = {}


class Source(_Part):
    """The source of a pipeline: exactly one of the two."""

    mysql: MySqlSource | None = None
    kafka: KafkaSource | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Source:
        if (self.mysql is None) == (self.kafka is None):
            raise ValueError("must have exactly one of mysql and kafka")
        return self

    @property
    def files(self) -> MySqlSource | KafkaSource:
        """The source that is set; its `data` and `daily_data` are the files that a run loads."""
        source = self.mysql or self.kafka
        assert source is not None, "the validator guarantees it"  # noqa: S101
        return source


class Job(_Part):
    """A PyFlink job: its script, the other files that it reads, its arguments and its Flink configuration."""

    script: str
    files: tuple[str, ...] = Field(default=(), strict=False, description="files or folders, relative to the definition")
    parallelism: int = Field(default=1, ge=1, le=1_000)
    after: tuple[str, ...] = Field(default=(), strict=False)
    uses: tuple[Literal["kafka", "mysql"], ...] = Field(default=("kafka",), strict=False)
    writes: tuple[TopicName, ...] = Field(default=(), strict=False)
    arguments: dict[Name, Text] = {}
    configuration: dict[str, Text] = {}


class Check(_Part):
    """The recomputation of one result topic: its key columns, and the path of a SELECT over the source."""

    key: tuple[str, ...] = Field(min_length=1, strict=False)
    expect: str


class Audit(_Part):
    """The audit of one topic: the path of a SELECT that returns the disposition of each record, or of each element."""

    topic: TopicName
    query: str


class ResultTable(_Part):
    """The presentation of one result topic: a title, and a format for each column heading."""

    title: str
    topic: TopicName
    columns: dict[str, str] = Field(min_length=1)


class Pipeline(_Part):
    """A pipeline definition; `folder` contains its files."""

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
        """The source table; DefinitionError if the source is a topic."""
        if self.source.mysql is None:
            raise DefinitionError(f"pipeline {self.name} does not have source.mysql; its source is a Kafka topic.")
        return self.source.mysql

    @property
    def kafka_source(self) -> KafkaSource:
        """The source topic; DefinitionError if the source is a table."""
        if self.source.kafka is None:
            raise DefinitionError(f"pipeline {self.name} does not have source.kafka; its source is a MySQL table.")
        return self.source.kafka

    def path(self, relative: str) -> Path:
        """Return the path of a file that the definition names."""
        return self.folder / relative

    def job_files(self, job: str) -> list[Path]:
        """Return the job scripts: the script first, then the other files, with folders replaced by their files."""
        definition = self.jobs[job]
        files = [self.path(definition.script)]
        for relative in definition.files:
            path = self.path(relative)
            files += sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
        return files
