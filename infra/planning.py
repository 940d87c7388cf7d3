"""The plan of a deployment: every object that its tasks would touch, compared and not changed.

Each comparison is the one of the step itself, so a plan has no rules of its own: `preview_topics` is next to
`ensure_topics`, `preview_seed` next to `seed_table`, and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.errors import DataFileError, TerminalError
from infra.jobs.job import JobSpec
from infra.jobs.preview import preview_job
from infra.jobs.target import Target
from infra.kafka import publish
from infra.kafka.topics import preview_topics
from infra.mysql import data_file
from infra.mysql.connection import connect
from infra.mysql.preflight_source import check_source_ready
from infra.mysql.schema import preview_schema
from infra.mysql.seed import preview_seed
from infra.mysql.seeded_tables import why_foreign
from infra.mysql.snapshot import estimate_rows, estimate_rows_of
from infra.pipeline import Pipeline
from infra.plan import Action, Plan, PlannedChange, compared, refused

# The rows of a larger file are not compared with the table, because that would take minutes.
PREVIEWED_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Systems:
    """The systems that a deployment changes, each as one of its users; `owner` and `cdc` are None without a database.

    `target` runs the jobs, and `job_spec` returns the desired state of one. `lacks_database` is whether the
    deployment creates the database, as on the local stack.
    """

    kafka: KafkaEndpoint
    target: Target
    job_spec: Callable[[Pipeline, str], JobSpec]
    owner: MySqlEndpoint | None = None
    cdc: MySqlEndpoint | None = None
    lacks_database: bool = False


@dataclass(frozen=True)
class Request:
    """The params of a deployment; `data_file` returns the file that it loads, or raises why it may not."""

    data_file: Callable[[], Path]
    allow_rejects: bool = False
    allow_deletions: bool = False
    adopt_table: bool = False
    from_scratch: bool = False


def plan_deployment(
    pipeline: Pipeline, systems: Systems, request: Request, before: Sequence[PlannedChange] = ()
) -> Plan:
    """Return what a deployment would do with each object; `before` is what comes first, such as the capacity.

    TransientError if a system does not answer, or a job is about to start.
    """
    changes = list(before)
    creates_table = False
    if pipeline.source.mysql and pipeline.source.seed:
        seeded = list(_preview_table(pipeline, systems, request))
        creates_table = any(change.kind == "table" and change.action is Action.CREATE for change in seeded)
        changes += seeded
    found: Pipeline | None = pipeline
    if pipeline.source.mysql:
        source, found = _preview_source(pipeline, systems, creates_table)
        changes.append(source)
    secrets = [endpoint.password for endpoint in (systems.owner, systems.cdc) if endpoint]
    if found:
        changes += preview_topics(systems.kafka, found.topics)
        changes += _preview_records(found, systems.kafka, request)
        specs = {job: systems.job_spec(found, job) for job in found.jobs}
        changes += _preview_jobs(found, systems.target, specs, request.from_scratch)
        secrets += [secret.value for spec in specs.values() for secret in spec.secrets]
    return Plan(pipeline.name, systems.target.name, tuple(changes)).without(secrets)


def estimated_rows(
    pipeline: Pipeline, kafka: KafkaEndpoint | None, reader: MySqlEndpoint | None, path: Path | None
) -> tuple[str, int]:
    """Return the name of the data file, or of a source that is only read, and about how many rows it has.

    Only one of the file and the endpoints is needed: that which has the rows.
    """
    if path:
        return path.name, data_file.estimate_rows(path) if pipeline.source.mysql else publish.estimate_rows(path)
    if pipeline.source.mysql:
        table, patterns = pipeline.mysql_source.table, pipeline.mysql_source.tables
        name = f"table {table}" if table else f"tables {', '.join(patterns)}"
        if reader is None:
            return name, 0
        with connect(reader) as connection:
            return name, estimate_rows(connection, table) if table else estimate_rows_of(connection, patterns)
    topic = pipeline.kafka_source.topic
    return f"topic {topic}", publish.count_records(kafka, topic) if kafka else 0


def _preview_table(pipeline: Pipeline, systems: Systems, request: Request) -> Iterator[PlannedChange]:
    """Yield the table that the deployment seeds, and its rows."""
    name, schema_file = pipeline.source_table, pipeline.path(pipeline.table_seed.schema_file)
    if systems.owner is None or systems.lacks_database:
        table = PlannedChange("table", name, Action.CREATE, f"from {schema_file.name}, which is not checked yet")
    else:
        table = compared("table", name, partial(preview_schema, systems.owner, schema_file, name))
    yield table
    if table.action is not Action.REFUSE:
        is_new = table.action is Action.CREATE
        yield compared("rows", name, partial(_preview_rows, pipeline, systems.owner, request, is_new))


def _preview_rows(pipeline: Pipeline, owner: MySqlEndpoint | None, request: Request, is_new: bool) -> PlannedChange:
    name, path = pipeline.source_table, request.data_file()
    if is_new or owner is None:
        data_file.check_readable(path)
        about = f"insert about {data_file.estimate_rows(path):,} rows of {path.name}, which are not checked yet"
        return PlannedChange("rows", name, Action.CREATE, about)
    with connect(owner) as connection:
        foreign = why_foreign(connection, name, pipeline.name)
    adopted = bool(foreign and request.adopt_table)
    if path.is_file() and path.stat().st_size > PREVIEWED_BYTES and (adopted or not foreign):
        size = f"{path.stat().st_size / 2**20:,.0f} MiB"
        about = f"not compared, because {path.name} has {size}; about {data_file.estimate_rows(path):,} rows"
        return PlannedChange("rows", name, Action.CHANGE, about)
    most = 100 if request.allow_deletions else pipeline.table_seed.max_deleted_percent
    change = preview_seed(
        owner, name, path, request.allow_rejects, max_deleted_percent=most, foreign=None if adopted else foreign
    )
    if not adopted:
        return change
    note = f"adopts the table, which {foreign}, so that later runs seed it"
    return PlannedChange(change.kind, name, Action.CHANGE, change.summary, (*change.details, note))


def _preview_source(pipeline: Pipeline, systems: Systems, creates_table: bool) -> tuple[PlannedChange, Pipeline | None]:
    """Return the preflight, and the pipeline with its captured tables; None if they cannot be known."""
    database = pipeline.mysql_source.database
    if creates_table or systems.cdc is None:
        text = "change data capture is not checked before the table exists"
        return PlannedChange("source", database, Action.UNCHANGED, text), pipeline
    try:
        ready = check_source_ready(pipeline, systems.cdc)
    except TerminalError as error:
        change = refused("source", database, error)
        if pipeline.mysql_source.table:
            return change, pipeline
        note = "not compared: topics and jobs, which depend on the captured tables"
        return PlannedChange("source", database, change.action, change.summary, (*change.details, note)), None
    passed = [line for line in ready.lines if line.startswith("ok ")]
    unchecked = tuple(line for line in ready.lines if line not in passed)
    change = PlannedChange("source", database, Action.UNCHANGED, f"{len(passed)} checks passed", unchecked)
    return change, pipeline.with_tables(ready.tables) if ready.tables else pipeline


def _preview_records(pipeline: Pipeline, kafka: KafkaEndpoint, request: Request) -> Iterator[PlannedChange]:
    """Yield the lines that the deployment publishes to the source topic."""
    if pipeline.source.kafka is None or pipeline.source.seed is None:
        return
    topic, key = pipeline.kafka_source.topic, pipeline.topic_seed.key
    try:
        path = request.data_file()
        yield publish.preview_records(kafka, topic, key, path, request.allow_rejects)
    except DataFileError as error:
        yield refused("records", topic, error)


def _preview_jobs(
    pipeline: Pipeline, target: Target, specs: Mapping[str, JobSpec], from_scratch: bool
) -> Iterator[PlannedChange]:
    source = pipeline.source.mysql
    prefix = source.topics.prefix if source and source.topics else ""
    for job, spec in specs.items():
        emptied = list(pipeline.emptied_topics(job)) if from_scratch else None
        yield from preview_job(target, spec, prefix, emptied)
