"""The local stack of the benchmark: its own ports and data directory, deleted at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from infra.jobs.health import missing_for_health
from infra.jobs.job import JobSpec
from infra.jobs.render import render_job
from infra.jobs.upgrade import ensure_started_from_scratch
from infra.kafka.emptying import empty_topics
from infra.kafka.topics import ensure_topics
from infra.mysql.connection import connect
from infra.mysql.schema import ensure_schema
from infra.mysql.seed import seed_table
from infra.mysql.users import ensure_database, ensure_users
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import PREFIX, ROOT, Settings, load_settings
from infra.stacks.local import stack as local_stack
from infra.stacks.local.private import private_environment
from infra.targets.local import local_target
from infra.waiting import wait_until

DATABASE = "olympics"
HEALTHY_SECONDS = 180
# Lines of a statement that tune its connector; without them it has the connector's defaults.
TUNED_OPTIONS = ("'debezium.", "'scan.", "'properties.linger", "'properties.batch", "'properties.compression")


def say(line: str) -> None:
    """Print a line of progress at once."""
    print(f"  {line}", flush=True)


def measured_pipeline() -> Pipeline:
    """Return the pipeline that the benchmark measures."""
    return load_pipeline(ROOT / "flink_jobs" / "olympics")


@contextmanager
def private_stack(folder: Path, start: bool = True, changed: Mapping[str, str] | None = None) -> Iterator[Settings]:
    """Yield the settings of a new local stack in `folder`, running if `start`; stop and delete it afterwards.

    `changed` has settings that differ, as for `with_settings`.
    """
    settings = with_settings(load_settings(private_environment(folder / "data")), changed or {})
    try:
        if start:
            local_stack.up(settings, say)
        yield settings
    finally:
        local_stack.clean(settings, lambda _: None)


def with_settings(settings: Settings, changed: Mapping[str, str]) -> Settings:
    """Return the settings of the same stack with some changed, by their keys such as `flink_slots`."""
    extra = {f"{PREFIX}{key}".upper(): value for key, value in changed.items()}
    return load_settings({**settings.as_environment(), **extra})


def prepare(settings: Settings, pipeline: Pipeline, data: Path) -> None:
    """Create database, users and topics, and make the table equal to a data file."""
    with connect(local_stack.mysql_admin(settings)) as admin:
        ensure_database(admin, DATABASE)
        ensure_users(admin, DATABASE, local_stack.mysql_passwords(settings, DATABASE))
        admin.commit()
    ensure_topics(local_stack.kafka_endpoint(settings), pipeline.topics)
    table, owner = pipeline.source_table, local_stack.mysql_endpoint(settings, "owner", DATABASE)
    ensure_schema(owner, pipeline.path(pipeline.table_seed.schema_file), table, pipeline.name)
    say(str(seed_table(owner, table, data, settings.data_dir / "rejects.csv")))


def render(settings: Settings, pipeline: Pipeline, job: str) -> JobSpec:
    """Return a job of the pipeline for the stack."""
    kafka, mysql = local_stack.kafka_endpoint(settings), local_stack.mysql_endpoint(settings, "cdc", DATABASE)
    return render_job(pipeline, job, kafka, mysql, local_target(settings).secrets)


def with_defaults(job: JobSpec) -> JobSpec:
    """Return the job without its tuned options: with the defaults of the connectors and of Flink."""
    files = {
        name: "\n".join(
            line for line in content.decode().splitlines() if not line.strip().startswith(TUNED_OPTIONS)
        ).encode()
        for name, content in job.files.items()
    }
    return replace(job, files=files, configuration={}, parallelism=1)


def start(settings: Settings, pipeline: Pipeline, *jobs: JobSpec) -> None:
    """Start jobs without job state and with empty result topics, and wait until they are healthy."""
    target = local_target(settings)
    for job in jobs:
        target.delete(job.name)
    topics = {name for job in jobs for name in pipeline.jobs[job.name.removeprefix(f"{pipeline.name}.")].writes}
    compacted = {name: pipeline.topics[name] for name in topics if pipeline.topics[name].cleanup_policy == "compact"}
    empty_topics(local_stack.kafka_endpoint(settings), compacted)
    with ThreadPoolExecutor() as executor:  # a client is one thread most of the time
        list(executor.map(lambda job: ensure_started_from_scratch(target, job), jobs))
    for job in jobs:
        _await_healthy(settings, job)


def _await_healthy(settings: Settings, job: JobSpec) -> None:
    target = local_target(settings)
    wait_until(
        lambda: missing_for_health(job.name, job.revision, target.status(job.name)) is None,
        f"{job.name} to be healthy",
        HEALTHY_SECONDS,
    )
    say(f"{job.name}: healthy")


def stop(settings: Settings, *jobs: str) -> None:
    """Cancel jobs, and delete their scripts and job state."""
    for job in jobs:
        local_target(settings).delete(job)


def write_data_file(path: Path, rows: int) -> None:
    """Write a data file whose rows have 0.64 names each, and 200 nationalities."""
    names = max(rows * 16 // 25, 1)
    with path.open("w", encoding="utf-8") as file:
        file.write("name,nationality,score\n")
        file.writelines(f"Athlete {n * 7919 % names},Nation {n % 200},{n * 31 % 1000}\n" for n in range(rows))
