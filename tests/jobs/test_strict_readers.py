"""Job and check have a strict reader each, which share no code. They must agree on every record."""

from __future__ import annotations

import itertools
import os
import struct
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from infra.checks.topic_database import TopicDatabase
from infra.pipeline import load_pipeline
from infra.setup.flink import flink_home
from infra.setup.functions import compile_java, functions_jar
from infra.setup.java import find_java
from tests.jobs.conftest import OLYMPIC_EVENTS
from tests.support.mutations import mutated
from tests.support.read_records import as_read
from tests.support.record_cases import INVALID
from tests.support.record_model import Sent

# `make fuzz` runs a million; the tier of jobs a sample.
RECORDS = int(os.environ.get("FUZZ_RECORDS", "50000"))
BATCH = 50_000


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that prints what the job's functions make of records."""
    classes = tmp_path_factory.mktemp("verdicts")
    compile_java(Path(__file__).parents[1] / "support" / "functions", classes, [functions_jar()])
    class_path = [str(classes), str(functions_jar()), f"{flink_home()}/lib/*"]
    return [str(find_java()), "-cp", ":".join(class_path), "olympicstreaming.Verdicts"]


def of_job(command: list[str], records: Iterable[bytes]) -> list[str]:
    """Return the verdict of the job on each record; all reasons why one is invalid as a whole are one."""
    framed = b"".join(struct.pack(">i", len(record)) + record for record in records)
    answer = subprocess.run(command, input=framed, capture_output=True, check=True)
    return [line if line.startswith("=") else "invalid" for line in answer.stdout.decode().splitlines()]


def of_check(records: list[bytes]) -> list[str]:
    """Return the verdict of the check SQL on each record, in the form of `of_job`."""
    sent = [Sent(0, offset, 0, record) for offset, record in enumerate(records)]
    with TopicDatabase(load_pipeline(OLYMPIC_EVENTS)) as database:
        database.append("olympic_data", as_read(sent))
        database.create_source_tables()
        rows = database.connection.execute(VERDICTS).fetchall()
    found = dict(rows)
    assert len(found) == len(records)
    return [found[offset] for offset in range(len(records))]


VERDICTS = """
SELECT source_offset, CASE
    WHEN bool_or(position IS NULL AND NOT is_valid) THEN 'invalid'
    ELSE '=' || COALESCE(string_agg(
        id || ':' || COALESCE(lower(hex(encode(value))), 'null') || ' ', '' ORDER BY position
    ) FILTER (position IS NOT NULL AND is_valid), '') || '!' || COUNT(*) FILTER (position IS NOT NULL AND NOT is_valid)
END
FROM elements GROUP BY source_offset
"""


def batches(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    remaining = iter(records)
    while batch := list(itertools.islice(remaining, BATCH)):
        yield batch


def test_job_and_check_agree_on_every_case(verdicts: list[str]) -> None:
    records = [value for value, _ in INVALID if value is not None]

    assert of_job(verdicts, records) == ["invalid"] * len(records)
    assert of_check(records) == ["invalid"] * len(records)


def test_job_and_check_agree_on_the_largest_record(verdicts: list[str]) -> None:
    largest = b'{"type":"score","data":[1]' + b" " * (65_536 - 27) + b"}"
    records = [largest, largest[:-1] + b" }"]

    assert of_job(verdicts, records) == of_check(records) == ["=1:31 !0", "invalid"]


def test_job_and_check_agree_on_mutated_records(verdicts: list[str]) -> None:
    valid = 0
    for number, batch in enumerate(batches(mutated(RECORDS, seed=RECORDS))):
        job, check = of_job(verdicts, batch), of_check(batch)
        assert [case for case in zip(batch, job, check, strict=True) if case[1] != case[2]][:5] == []
        valid += sum(verdict != "invalid" for verdict in job)
        print(f"{number * BATCH + len(batch):,} records agree, {valid:,} of them valid", flush=True)
    # Neither side is right because it refuses everything.
    assert RECORDS * 0.05 < valid < RECORDS * 0.95
