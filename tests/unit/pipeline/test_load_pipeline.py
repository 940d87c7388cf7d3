"""Valid pipeline definitions, including the shipped ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.errors import DefinitionError
from infra.pipeline import databases_of, find_pipelines, load_pipeline
from infra.settings import ROOT
from tests.unit.pipeline.conftest import DEFINITION

FLINK_JOBS = ROOT / "flink_jobs"
PIPELINES = find_pipelines(FLINK_JOBS)


def load(folder: Path, old: str, new: str) -> dict[str, object]:
    """Return the values of the small definition after one replacement."""
    assert DEFINITION.count(old) == 1
    (folder / "pipeline.yaml").write_text(DEFINITION.replace(old, new))
    return load_pipeline(folder).model_dump()


def test_small_definition_and_its_defaults(folder: Path) -> None:
    pipeline = load_pipeline(folder)

    assert (pipeline.name, pipeline.owner, pipeline.tags) == ("games", "data-platform", ())
    assert pipeline.table_seed.daily_data == "data/daily/{{ ds }}.csv"
    assert (pipeline.jobs["totals"].uses, pipeline.jobs["totals"].parallelism) == (("kafka",), 1)
    assert pipeline.folder == folder


def test_source_without_a_seed_is_only_read(folder: Path) -> None:
    (folder / "schema.sql").unlink()
    seed = ", seed: {schema: schema.sql, data: players.csv}"
    (folder / "pipeline.yaml").write_text(DEFINITION.replace(seed, ""))

    pipeline = load_pipeline(folder)

    assert pipeline.source.seed is None
    with pytest.raises(
        DefinitionError,
        match=r"^pipeline games does not have a seed; its source is only read\. Add source\.mysql\.seed\.$",
    ):
        _ = pipeline.table_seed


def test_server_ids_have_a_default(folder: Path) -> None:
    (folder / "pipeline.yaml").write_text(DEFINITION.replace(", server_ids: 10-12", ""))

    assert load_pipeline(folder).mysql_source.server_ids == "5400-5409"


def test_one_server_id_for_each_parallel_reader_is_enough(folder: Path) -> None:
    (folder / "pipeline.yaml").write_text(DEFINITION.replace("server_ids: 10-12", "server_ids: 10-11"))

    pipeline = load_pipeline(folder)

    assert (pipeline.mysql_source.server_ids, pipeline.jobs["cdc"].parallelism) == ("10-11", 2)


@pytest.mark.parametrize(
    ("retention", "milliseconds"),
    [("500ms", "500"), ("90 s", "90000"), ("15m", "900000"), ("2h", "7200000"), ("30d", "2592000000")],
)
def test_retention_is_converted_to_milliseconds(folder: Path, retention: str, milliseconds: str) -> None:
    (folder / "pipeline.yaml").write_text(DEFINITION.replace("retention: 30d", f"retention: {retention}"))

    options = load_pipeline(folder).topics["games.rejects"].options()

    assert options == {"cleanup.policy": "delete", "retention.ms": milliseconds}


def test_topic_options_are_text(folder: Path) -> None:
    config = "config: {preallocate: true, segment.bytes: 1048576, min.cleanable.dirty.ratio: 0.5, a: b}"
    (folder / "pipeline.yaml").write_text(DEFINITION.replace("retention: 30d", config))

    assert load_pipeline(folder).topics["games.rejects"].options() == {
        "cleanup.policy": "delete",
        "preallocate": "true",
        "segment.bytes": "1048576",
        "min.cleanable.dirty.ratio": "0.5",
        "a": "b",
    }


def test_merge_key_adds_keys_that_are_not_overridden(folder: Path) -> None:
    values = load(
        folder,
        "{script: totals.py, after: [cdc]}",
        "&totals {script: totals.py, after: [cdc], parallelism: 2}\n  more: {<<: *totals, parallelism: 3}",
    )

    assert isinstance(values["jobs"], dict)
    assert values["jobs"]["more"] == values["jobs"]["totals"] | {"parallelism": 3}


def test_job_files_are_the_script_and_the_files_of_its_folders(folder: Path) -> None:
    (folder / "sql" / "20_totals.sql").write_text("")
    (folder / "sql" / "deeper").mkdir()

    names = [path.relative_to(folder).as_posix() for path in load_pipeline(folder).job_files("cdc")]

    assert names == ["cdc.py", "sql/10_players.sql", "sql/20_totals.sql"]


def test_pipelines_are_the_folders_with_a_definition(folder: Path) -> None:
    (folder.parent / "shared").mkdir()

    assert find_pipelines(folder.parent) == [folder]


@pytest.mark.parametrize("shipped", PIPELINES, ids=lambda path: path.name)
def test_shipped_pipeline_uses_every_one_of_its_files(shipped: Path) -> None:
    pipeline = load_pipeline(shipped)
    used = {pipeline.path(check.expect) for check in pipeline.checks.values()}
    used |= {path for job in pipeline.jobs for path in pipeline.job_files(job)}
    used |= {pipeline.path(pipeline.seed.data), shipped / "pipeline.yaml"}
    used |= {pipeline.path(pipeline.table_seed.schema_file)} if pipeline.source.mysql else set()
    used |= (
        {pipeline.path(query) for query in pipeline.kafka_source.tables.values()} if pipeline.source.kafka else set()
    )
    used |= {pipeline.path(pipeline.audit.query)} if pipeline.audit else set()

    present = {path for path in shipped.rglob("*") if path.suffix in (".sql", ".py", ".yaml")}

    assert {path for path in present if path.name != "__init__.py"} <= used


@pytest.mark.parametrize("shipped", PIPELINES, ids=lambda path: path.name)
def test_shipped_job_has_a_value_for_every_variable(shipped: Path) -> None:
    """The definition and the platform set every variable of the SQL files."""
    pipeline = load_pipeline(shipped)
    added = {"bootstrap_servers"}
    mysql = {"host", "port", "user", "password", "database", "table"}
    for name, job in pipeline.jobs.items():
        given = {*job.arguments, *added}
        if "mysql" in job.uses:
            given |= {f"mysql_{field}" for field in mysql} | {"server_ids"}
        texts = [path.read_text(encoding="utf-8") for path in pipeline.job_files(name) if path.suffix == ".sql"]
        assert {variable for text in texts for variable in re.findall(r"\$\{([^}]+)\}", text)} <= given


def test_shipped_pipelines_are_found() -> None:
    assert {"olympics", "olympic_events"} <= {path.name for path in PIPELINES}


def test_source_that_a_pipeline_does_not_have_is_named() -> None:
    olympics, events = (load_pipeline(ROOT / "flink_jobs" / name) for name in ("olympics", "olympic_events"))

    with pytest.raises(
        DefinitionError, match=r"^pipeline olympic_events does not have source\.mysql; its source is a Kafka topic\.$"
    ):
        _ = events.mysql_source
    with pytest.raises(
        DefinitionError, match=r"^pipeline olympics does not have source\.kafka; its source is a MySQL table\.$"
    ):
        _ = olympics.kafka_source
    assert databases_of([olympics, events]) == {"olympics": "olympics", "olympic_events": None}


def test_shipped_pipelines_have_separate_server_ids() -> None:
    taken: list[int] = []
    for pipeline in map(load_pipeline, PIPELINES):
        if pipeline.source.kafka:
            continue
        low, high = map(int, pipeline.mysql_source.server_ids.split("-"))
        taken += range(low, high + 1)
    assert len(taken) == len(set(taken))
