"""The pipeline definition: the typed form of `flink_jobs/<pipeline>/pipeline.yaml`.

Plain values; `infra.pipeline.loader` reads them from files and validates them. Paths are relative to the definition.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from infra.errors import DefinitionError
from infra.pipeline.naming import reload_topic

# https://dev.mysql.com/doc/refman/8.0/en/replication-options.html#sysvar_server_id
MAX_SERVER_ID = 2**32 - 1
# The job that captures tables reads them in parts of this many rows.
SPLIT_ROWS = 50_000

_DURATION = re.compile(r"(\d+)\s*(ms|s|m|h|d)")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
# The name of any table, or a shell pattern with `*`, `?` and `[...]`.
TablePattern = Annotated[str, Field(min_length=1, max_length=64)]


def _scalar_text(value: Any) -> Any:
    """Return a YAML boolean or number as text, which options of Kafka and Flink are."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_scalar_text, json_schema_input_type=str | bool | int | float)]


def _milliseconds(duration: str) -> int:
    number, unit = _DURATION.fullmatch(duration).groups()  # type: ignore[union-attr]
    return int(number) * _UNIT_MS[unit]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Topic(_Part):
    """The desired state of a Kafka topic; `config` holds further topic-level options."""

    partitions: int = Field(ge=1, le=10_000)
    """The number of partitions. It can be raised later, but not if the topic is compacted, and never lowered."""
    cleanup_policy: Literal["compact", "delete"]
    """`compact` for a table of rows by key, `delete` for a log of records."""
    replication: int | None = Field(default=None, ge=1, le=100)
    """The replication factor; by default that of the broker."""
    retention: str | None = Field(default=None, pattern=r"^\d+\s*(ms|s|m|h|d)$")
    """How long records are kept, such as `30d`; units are ms, s, m, h and d."""
    config: dict[str, Text] = {}
    """More topic-level options by Kafka's names."""

    def options(self) -> dict[str, str]:
        """Return the topic-level options that the definition sets, by Kafka's names."""
        options = {"cleanup.policy": self.cleanup_policy, **self.config}
        if self.retention:
            options["retention.ms"] = str(_milliseconds(self.retention))
        return options


class Seed(_Part):
    """The files that a deployment and a daily reload load into a source."""

    data: str
    """The file that a deployment loads."""
    daily_data: str
    """The file of a daily reload: a Jinja template with the logical date."""
    daily_at: str = Field(default="00:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    """The time of day in UTC at which a daily reload loads the file of the day that has ended."""
    daily_wait: str = Field(default="6h", pattern=r"^\d+\s*(s|m|h)$")
    """How long a daily reload waits for its file, such as `90m`; units are s, m and h."""

    @property
    def daily_wait_seconds(self) -> float:
        """`daily_wait` in seconds."""
        return _milliseconds(self.daily_wait) / 1000


class TableSeed(Seed):
    """The CSV files that the table becomes equal to: rows that a file does not have are deleted."""

    schema_file: str = Field(alias="schema")
    """The SQL file that creates the table: one `CREATE TABLE IF NOT EXISTS`."""
    daily_data: str = "data/daily/{{ ds }}.csv"
    """The file of a daily reload: a Jinja template with the logical date."""
    max_deleted_percent: int = Field(default=20, ge=0, le=100)
    """The largest share of the table's rows that a seed deletes. If its file lacks more, nothing is changed."""


class TopicSeed(Seed):
    """The files of JSON lines that are published to the topic, each line once."""

    daily_data: str = "data/daily/{{ ds }}.jsonl"
    """The file of a daily reload: a Jinja template with the logical date."""
    key: str | None = None
    """The field of a record whose value becomes the record's key."""


class TableTopics(_Part):
    """The topics of captured tables: compacted, one for each table."""

    prefix: str = Field(pattern=r"^[a-zA-Z0-9._-]{1,100}$")
    """The name of a topic is the prefix and the name of its table."""
    partitions: int = Field(ge=1, le=10_000)
    """The number of partitions of each topic. It cannot be changed later, because keys would move."""
    replication: int | None = Field(default=None, ge=1, le=100)
    """The replication factor; by default that of the broker."""
    config: dict[str, Text] = {}
    """More topic-level options by Kafka's names. A row larger than `max.message.bytes` ends the job."""

    def topic(self) -> Topic:
        """Return the desired state of each topic."""
        return Topic(
            partitions=self.partitions, cleanup_policy="compact", replication=self.replication, config=self.config
        )


class MySqlSource(_Part):
    """The source tables of a pipeline: exactly one of `table` and `tables`. Without `seed`, they are only read."""

    database: Name
    """The database of the tables; the platform creates it on the local stack, with Compose and in the chart."""
    table: Name | None = None
    """The source table, which a job of the pipeline reads with SQL of its own."""
    tables: tuple[TablePattern, ...] = Field(default=(), strict=False)
    """Names of tables, and shell patterns such as `order_*`, which are captured without SQL: each row as JSON on the
    topic of its table. A new table that a pattern matches is captured from the next deployment on."""
    topics: TableTopics | None = None
    """The topics of `tables`."""
    schema_changes: Literal["follow", "stop", "ignore"] = "follow"
    """What the job of `tables` does when a statement changes one of them. `follow`: it goes on with a new column that
    can be null, and with types that have the same JSON, and ends with the statement at any other change, because rows
    that are not written again would be wrong. `stop`: it ends at every change of columns. `ignore`: it goes on."""
    seed: TableSeed | None = None
    """The files that fill `table`. Without it another application writes the table, and the platform never does."""
    server_ids: str = Field(default="5400-5409", pattern=r"^\d+-\d+$")
    """The ids by which the CDC readers register with the server as replicas, one for each parallel reader. Every
    pipeline needs a range of its own."""

    @model_validator(mode="after")
    def _table_or_tables(self) -> MySqlSource:
        if (self.table is None) == (not self.tables):
            raise ValueError("must have exactly one of table and tables. Add or remove one")
        if self.tables and self.topics is None:
            raise ValueError("must have topics, the topics of tables, such as {prefix: shop., partitions: 2}. Add them")
        if self.table and self.topics:
            raise ValueError("must not have topics without tables. Remove it")
        if self.tables and self.seed:
            raise ValueError("must not have a seed with tables, which are only read. Remove it")
        return self


class KafkaSource(_Part):
    """The source topic of a pipeline. Without `seed`, the pipeline only reads it.

    `tables` are the inputs of the checks: each is a SELECT over the records of the topic and the tables before it.
    """

    topic: TopicName
    """The source topic."""
    seed: TopicSeed | None = None
    """The files to publish. Without it another application writes the topic, and the platform never does."""
    tables: dict[Name, str] = {}
    """Tables for the checks: the path of a SELECT over the records of the topic and the tables before it."""


class Source(_Part):
    """The source of a pipeline: exactly one of the two."""

    mysql: MySqlSource | None = None
    """A table, read with change data capture."""
    kafka: KafkaSource | None = None
    """A topic."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Source:
        if (self.mysql is None) == (self.kafka is None):
            raise ValueError("must have exactly one of mysql and kafka. Add or remove one")
        return self

    @property
    def seed(self) -> TableSeed | TopicSeed | None:
        """The files that a run loads; None if the platform only reads the source."""
        source = self.mysql or self.kafka
        return source.seed if source else None


class Job(_Part):
    """A PyFlink job: its script, the other files that it reads, its arguments and its Flink configuration."""

    script: str
    """The job script. `../shared/run_sql.py` runs the `.sql` files of the job in the order of their names."""
    files: tuple[str, ...] = Field(default=(), strict=False)
    """The other files of the job, and folders whose files belong to it. All share one folder at run time."""
    parallelism: int = Field(default=1, ge=1, le=1_000)
    """The parallelism of the job, and so the number of task slots that it needs."""
    after: tuple[str, ...] = Field(default=(), strict=False)
    """Jobs that must be healthy before this one is submitted."""
    uses: tuple[Literal["kafka", "mysql"], ...] = Field(default=("kafka",), strict=False)
    """The systems that the job connects to. `mysql` adds the address and the password of the CDC user."""
    writes: tuple[TopicName, ...] = Field(default=(), strict=False)
    """The topics that the job writes. `start_from: scratch` empties the compacted ones."""
    arguments: dict[Name, Text] = {}
    """Values for `${name}` in the job's SQL, passed as `--name value`."""
    configuration: dict[str, Text] = {}
    """Flink options of the job by Flink's names."""


class Check(_Part):
    """The recomputation of one result topic: its key columns, and the path of a SELECT over the source."""

    key: tuple[str, ...] = Field(min_length=1, strict=False)
    """The columns by which rows of the topic and of the recomputation are matched."""
    expect: str
    """The path of a SELECT that returns every row that the topic must hold."""


@dataclass(frozen=True)
class CapturedTable:
    """A captured table as it was found in the database when a run started.

    `key` has the columns of its key, `split_by` is the column by whose ranges a job divides it, `columns` have name,
    type and scale, and `latin1` has the text columns of this character set.
    """

    name: str
    key: tuple[str, ...]
    split_by: str
    latin1: tuple[str, ...] = ()
    columns: tuple[tuple[str, str, int], ...] = ()


class TableCheck(Check):
    """The check of a captured table: its topic equals the table."""

    table: CapturedTable


class Audit(_Part):
    """The audit of one topic: the path of a SELECT that returns the disposition of each record, or of each element."""

    topic: TopicName
    """The audited topic."""
    query: str
    """The path of a SELECT with the columns source_partition, source_offset, position, disposition and explanation."""


class ResultTable(_Part):
    """The presentation of one result topic: a title, and a format for each column heading."""

    title: str
    """The heading of the table."""
    topic: TopicName
    """A checked topic, whose values are the rows of the table."""
    columns: dict[str, str] = Field(min_length=1)
    """Column heading to Python format string over the fields of a value, such as `"{name} ({score})"`."""


class Pipeline(_Part):
    """A pipeline definition; `folder` contains its files."""

    name: Name
    """The name of the pipeline, which must be the name of its folder."""
    description: str
    """One sentence, shown in Airflow."""
    owner: str = "data-platform"
    """The owner of the DAGs, shown in Airflow."""
    owner_link: str | None = Field(default=None, pattern=r"^(https?://|mailto:)\S+$")
    """Where a click on the owner leads: an `https://` or `mailto:` address."""
    tags: tuple[str, ...] = Field(default=(), strict=False)
    """The tags of the DAGs."""
    topics: dict[TopicName, Topic] = {}
    """Every topic that the pipeline reads or writes, by name, except those of `source.mysql.tables`."""
    source: Source
    """The table or topic that the pipeline starts from."""
    jobs: dict[Name, Job] = Field(min_length=1)
    """The Flink jobs by name."""
    quarantine: TopicName | None = None
    """The topic of quarantined records. Records in it do not count, neither for the jobs nor for the checks."""
    checks: dict[TopicName, Check] = {}
    """The recomputation of each result topic. A pipeline that does not capture `tables` needs one at least."""
    audit: Audit | None = None
    """The audit of a topic. Without it, nothing accounts for every record."""
    results: tuple[ResultTable, ...] = Field(default=(), strict=False)
    """The tables that `make results` shows."""
    folder: Path = Field(default=Path(), exclude=True, strict=False)

    @property
    def mysql_source(self) -> MySqlSource:
        """The source table; DefinitionError if the source is a topic."""
        if self.source.mysql is None:
            raise DefinitionError(f"pipeline {self.name} does not have source.mysql; its source is a Kafka topic.")
        return self.source.mysql

    @property
    def source_table(self) -> str:
        """The only source table; DefinitionError if the source is a topic, or has `tables`."""
        if self.mysql_source.table is None:
            raise DefinitionError(f"pipeline {self.name} does not have source.mysql.table; it captures tables.")
        return self.mysql_source.table

    @property
    def kafka_source(self) -> KafkaSource:
        """The source topic; DefinitionError if the source is a table."""
        if self.source.kafka is None:
            raise DefinitionError(f"pipeline {self.name} does not have source.kafka; its source is a MySQL table.")
        return self.source.kafka

    @property
    def seed(self) -> TableSeed | TopicSeed:
        """The files that a run loads; DefinitionError if the platform only reads the source."""
        if self.source.seed is None:
            kind = "mysql" if self.source.mysql else "kafka"
            raise DefinitionError(
                f"pipeline {self.name} does not have a seed; its source is only read. Add source.{kind}.seed."
            )
        return self.source.seed

    @property
    def table_seed(self) -> TableSeed:
        """The files that fill the source table; DefinitionError if there are none."""
        if not isinstance(self.seed, TableSeed):
            raise DefinitionError(f"pipeline {self.name} does not have a table to seed; its source is a Kafka topic.")
        return self.seed

    @property
    def topic_seed(self) -> TopicSeed:
        """The files that are published to the source topic; DefinitionError if there are none."""
        if not isinstance(self.seed, TopicSeed):
            raise DefinitionError(f"pipeline {self.name} does not have a topic to seed; its source is a MySQL table.")
        return self.seed

    @property
    def captured(self) -> tuple[CapturedTable, ...]:
        """The captured tables, once `with_tables` has added them."""
        return tuple(check.table for check in self.checks.values() if isinstance(check, TableCheck))

    def with_tables(self, tables: Sequence[CapturedTable]) -> Pipeline:
        """Return the pipeline with the topic and the check of each table that its patterns name at this moment."""
        source = self.mysql_source
        if source.topics is None:
            return self
        prefix, topic = source.topics.prefix, source.topics.topic()
        # One partition, because a request is served after those before it.
        reloads = Topic(partitions=1, cleanup_policy="delete", retention="7d", replication=source.topics.replication)
        names = {f"{prefix}{table.name}": table for table in tables}
        if reload_topic(self.name) in names:
            raise DefinitionError(
                f"topic {reload_topic(self.name)} is the platform's, and would also be that of table "
                f"{names[reload_topic(self.name)].name}. Change source.mysql.topics.prefix."
            )
        jobs = {
            name: job.model_copy(update={"writes": (*job.writes, *names)}) if "mysql" in job.uses else job
            for name, job in self.jobs.items()
        }
        checks = {
            name: TableCheck(key=table.key, expect=f"table {table.name}", table=table) for name, table in names.items()
        }
        return self.model_copy(
            update={
                "topics": {**self.topics, **dict.fromkeys(names, topic), reload_topic(self.name): reloads},
                "jobs": jobs,
                "checks": {**checks, **self.checks},
            }
        )

    def emptied_topics(self, job: str) -> dict[str, Topic]:
        """Return the topics that a start of the job from scratch empties: the compacted ones that it writes."""
        written = {name: self.topics[name] for name in self.jobs[job].writes}
        return {name: topic for name, topic in written.items() if topic.cleanup_policy == "compact"}

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
