"""The check SQL of the source topic compared with the Python model, and the audit of incomplete databases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.checks.audit import Element, account_for
from infra.checks.expected import create_expected
from infra.checks.topic_database import TopicDatabase
from infra.errors import DefinitionError
from infra.pipeline import Pipeline, load_pipeline
from infra.settings import ROOT
from tests.support.olympics_model import SEED, expected_outputs
from tests.support.read_records import as_read
from tests.support.record_cases import INVALID, generated
from tests.support.record_model import Folded, Quarantined, Sent, fold

EVENTS = ROOT / "flink_jobs" / "olympic_events"
SAMPLE = [line.encode() for line in (EVENTS / "data" / "records.jsonl").read_text().splitlines()]


@pytest.fixture
def pipeline() -> Pipeline:
    return load_pipeline(EVENTS)


def tables_of(pipeline: Pipeline, database: TopicDatabase) -> dict[str, dict[Any, dict[str, Any]]]:
    """Return the expected rows of every checked topic by their keys, which have one column."""
    found = {}
    for topic in pipeline.checks:
        rows = database.connection.execute(f"SELECT key, value FROM {create_expected(database, topic)}").fetchall()
        found[topic] = {json.loads(key)[0]: json.loads(value) for key, value in rows}
    return found


def numbered(records: Iterable[tuple[int, int, bytes | None]]) -> list[Sent]:
    """Return the records with their offsets in their partitions."""
    counts: Counter[int] = Counter()
    found = []
    for partition, timestamp, value in records:
        found.append(Sent(partition, counts[partition], timestamp, value))
        counts[partition] += 1
    return found


def filled(database: TopicDatabase, records: list[Sent]) -> Folded:
    """Fill the database as if the jobs had processed all records, with outputs from the model; return the model."""
    expected = fold(records)
    outputs = expected_outputs(expected.athletes.values())
    database.append("olympic_data", as_read(records))
    put_quarantine(database, expected.quarantine, records)
    for topic, name in (("entries", "players"), ("athletes", "athletes"), ("duplicates", "duplicates")):
        put_topic(database, topic, list(outputs[name].values()))
    return expected


def put_quarantine(database: TopicDatabase, quarantine: Iterable[Quarantined], records: Iterable[Sent]) -> None:
    """Replace the records of the quarantine by those of some records."""
    times = {sent[:2]: datetime.fromtimestamp(sent.timestamp_ms / 1000, UTC).isoformat() for sent in records}
    columns = [
        {"source_topic": "olympic_data", "source_partition": record.partition, "source_offset": record.offset,
         "source_timestamp": times[record.partition, record.offset],
         "reason": record.reason, "invalid_elements": record.invalid_elements, "attempts": 0}
        for record in quarantine
    ]  # fmt: skip
    database.empty("olympic_events.quarantine")
    database.append(
        "olympic_events.quarantine",
        [(0, offset, 0, None, json.dumps(value).encode()) for offset, value in enumerate(columns)],
    )


def put_topic(database: TopicDatabase, topic: str, values: list[dict[str, Any]]) -> None:
    """Replace the records of a topic."""
    name = f"olympic_events.{topic}"
    database.empty(name)
    database.append(
        name,
        [
            (0, offset, 0, json.dumps(value["id"]).encode(), json.dumps(value).encode())
            for offset, value in enumerate(values)
        ],
    )


def dispositions(pipeline: Pipeline, database: TopicDatabase) -> tuple[Counter[str], dict[Element, str]]:
    assert pipeline.audit is not None
    database.create_topic_tables()
    accounts, unaccounted = account_for(pipeline.audit, database)
    assert unaccounted.count == len(unaccounted.first)
    return sum((account.dispositions for account in accounts.values()), Counter[str]()), unaccounted.first


def test_sample_gives_the_outputs_of_the_seed_rows(pipeline: Pipeline) -> None:
    with TopicDatabase(pipeline) as database:
        filled(database, numbered((0, 0, line) for line in SAMPLE))

        found = tables_of(pipeline, database)

    expected = expected_outputs(SEED)
    expected["entries"] = expected.pop("players")
    assert {topic.removeprefix("olympic_events."): table for topic, table in found.items()} == expected


@pytest.mark.parametrize("seed", range(3))
def test_check_sql_agrees_with_the_model_on_generated_records(pipeline: Pipeline, seed: int) -> None:
    records = numbered(generated(3_000, seed))
    with TopicDatabase(pipeline) as database:
        expected = filled(database, records)

        found = tables_of(pipeline, database)
        counts, unaccounted = dispositions(pipeline, database)

    assert found["olympic_events.entries"] == {row.id: row._asdict() for row in expected.athletes.values()}
    assert unaccounted == {}
    assert counts["quarantined"] == sum(record.invalid_elements or 1 for record in expected.quarantine)
    assert counts["counted"] + counts["duplicate"] == 3 * len(expected.athletes)
    assert min(counts[name] for name in ("superseded", "deleted", "waiting", "duplicate")) > 0


@pytest.mark.parametrize(("value", "reason"), INVALID)
def test_check_sql_and_model_agree_on_invalid_records(pipeline: Pipeline, value: bytes | None, reason: str) -> None:
    records = numbered([(0, 0, value)])
    assert fold(records).quarantine == {Quarantined(0, 0, reason)}
    with TopicDatabase(pipeline) as database:
        filled(database, records)

        assert dispositions(pipeline, database) == (Counter(quarantined=1), {})


def with_arguments(pipeline: Pipeline, **arguments: str) -> Pipeline:
    """Return the pipeline with other arguments of the job that reads the source topic."""
    job = pipeline.jobs["record_join"].model_copy(update={"arguments": arguments})
    return pipeline.model_copy(update={"jobs": {**pipeline.jobs, "record_join": job}})


@pytest.mark.parametrize(("limit", "is_valid"), [("31", True), ("30", False)])
def test_largest_record_of_the_check_is_that_of_the_job(pipeline: Pipeline, limit: str, is_valid: bool) -> None:
    record = b'{"type":"name","data":["Alex"]}'
    assert len(record) == 31
    with TopicDatabase(with_arguments(pipeline, max_record_bytes=limit)) as database:
        database.append("olympic_data", as_read(numbered([(0, 0, record)])))
        database.create_topic_tables()

        columns, [row] = database.query("checks/elements.sql")

    assert dict(zip(columns, row, strict=True))["is_valid"] is is_valid


def test_argument_that_does_not_exist_is_named(pipeline: Pipeline) -> None:
    with (
        TopicDatabase(with_arguments(pipeline, max_bytes="1")) as database,
        pytest.raises(DefinitionError) as caught,
    ):
        database.query("checks/elements.sql")

    others = ", ".join(f"analytics.{name}" for name in pipeline.jobs["analytics"].arguments)
    assert str(caught.value) == (
        "checks/elements.sql: ${record_join.max_record_bytes} does not exist. Expected an argument of a job: "
        f"record_join.max_bytes, {others}. Fix the name, or add it to arguments of the job."
    )


def test_lost_athlete_leaves_three_elements_unaccounted(pipeline: Pipeline) -> None:
    records = numbered((partition, 0, line) for partition, line in enumerate(SAMPLE))
    with TopicDatabase(pipeline) as database:
        expected = filled(database, records)
        put_topic(database, "entries", [row._asdict() for row in expected.athletes.values() if row.id != 3])

        counts, unaccounted = dispositions(pipeline, database)

    assert unaccounted == {
        Element(partition, 0, 2): "is the latest value, but not the value of the athlete in olympic_events.entries"
        for partition in range(3)
    }
    assert counts == {"counted": 9, "duplicate": 3}


def test_athlete_that_is_neither_counted_nor_a_duplicate_is_unaccounted(pipeline: Pipeline) -> None:
    records = numbered((0, 0, line) for line in SAMPLE)
    with TopicDatabase(pipeline) as database:
        filled(database, records)
        put_topic(database, "duplicates", [])

        _, unaccounted = dispositions(pipeline, database)

    assert unaccounted == {Element(0, offset, 4): "is neither counted nor a duplicate" for offset in range(3)}


def test_invalid_record_outside_the_quarantine_is_unaccounted_and_so_is_a_valid_one_inside(pipeline: Pipeline) -> None:
    records = numbered((0, 0, line) for line in [*SAMPLE, b"x", b'{"type":"score","data":[1,"2"],"first_id":9}'])
    with TopicDatabase(pipeline) as database:
        filled(database, records)
        put_quarantine(database, [Quarantined(0, 4, "wrongly")], records)

        _, unaccounted = dispositions(pipeline, database)

    assert unaccounted == {
        Element(0, 3, None): "is invalid, but not in the quarantine",
        Element(0, 4, 0): "is valid, but in the quarantine",
        Element(0, 4, 1): "is invalid, but not in the quarantine",
    }


def test_remaining_athlete_of_a_deleted_value_is_unaccounted(pipeline: Pipeline) -> None:
    records = numbered((0, 0, line) for line in [*SAMPLE, b'{"type":"score","data":[null]}'])
    with TopicDatabase(pipeline) as database:
        filled(database, records)
        put_topic(database, "entries", [row._asdict() for row in SEED])

        _, unaccounted = dispositions(pipeline, database)

    assert set(unaccounted) == {Element(0, 0, 0), Element(0, 2, 0), Element(0, 3, 0)}
    assert set(unaccounted.values()) == {
        "belongs to an incomplete athlete, who is nevertheless in olympic_events.entries"
    }


def test_sql_that_cannot_be_run_names_its_file(pipeline: Pipeline) -> None:
    with (
        TopicDatabase(pipeline) as database,
        pytest.raises(DefinitionError, match=r"^checks/audit\.sql: the SQL cannot run: "),
    ):
        database.query("checks/audit.sql")  # the database does not contain any topic


def test_only_records_from_before_the_audit_count(pipeline: Pipeline) -> None:
    assert pipeline.audit is not None
    with TopicDatabase(pipeline) as database:
        filled(database, numbered((0, 0, line) for line in SAMPLE))
        database.append("olympic_data", as_read([Sent(0, 10**6, 0, b"not JSON")]))
        database.create_topic_tables()

        _, late = account_for(pipeline.audit, database, ends={0: 10**6})
        assert late.count == 0

    with TopicDatabase(pipeline) as database:
        filled(database, numbered((0, 0, line) for line in SAMPLE))
        database.append("olympic_data", as_read([Sent(0, 10**6, 0, b"not JSON")]))
        database.create_topic_tables()

        _, unaccounted = account_for(pipeline.audit, database, ends={0: 10**6 + 1})
        assert list(unaccounted.first) == [Element(0, 10**6, None)]


def test_element_that_had_a_disposition_once_is_accounted(pipeline: Pipeline) -> None:
    assert pipeline.audit is not None
    expected = fold(numbered((0, 0, line) for line in SAMPLE))
    entries = [row._asdict() for row in expected.athletes.values()]
    with TopicDatabase(pipeline) as database:
        filled(database, numbered((0, 0, line) for line in SAMPLE))
        for left_out in entries[:2]:  # each is missing for a moment, but not both at the same time
            put_topic(database, "entries", [entry for entry in entries if entry != left_out])
            database.create_topic_tables()
            _, unaccounted = account_for(pipeline.audit, database)
            assert unaccounted.count == (3 if left_out is entries[0] else 0)
