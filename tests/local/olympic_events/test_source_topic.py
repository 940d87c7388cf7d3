"""The record feed as its users have it: the sample, records of anybody, generated ones, bad ones that are mended."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from infra.checks.audit import audit_records
from infra.errors import CheckFailedError, DataFileError, RepublishError
from infra.kafka.publish import publish_records
from infra.kafka.republish import republish
from infra.kafka.writer import Record, send_records
from tests.local.olympic_events.conftest import QUARANTINE, TOPIC, Feed
from tests.support.olympics_model import SEED, Row
from tests.support.record_cases import BAD, generated

RECORDS = 10_000


def record(kind: str, *data: object, first_id: int = 1) -> bytes:
    return json.dumps({"type": kind, "data": data, "first_id": first_id}).encode()


def athlete(athlete_id: int, score: int = 1) -> list[bytes]:
    """Three records that make one entry."""
    values: dict[str, object] = {"name": f"athlete {athlete_id}", "nationality": "Peru", "score": score}
    return [record(kind, value, first_id=athlete_id) for kind, value in values.items()]


def test_sample_gives_the_seed_results_and_a_second_run_changes_nothing(feed: Feed) -> None:
    found = feed.results()

    assert [Row(**value) for value in found["olympic_events.entries"]] == SEED
    report = feed.await_agreement()
    assert report.dispositions == {"counted": 12, "duplicate": 3}
    said = feed.run()
    assert "publish_records: records.jsonl on olympic_data: unchanged: 3 records" in said
    steps = ("provision_topics:", "publish_records:", "create_configmaps:", "submit_")
    lines = [line for line in said.splitlines() if any(step in line for step in steps)]
    assert [line for line in lines if "unchanged" not in line] == []
    assert len(feed.sent()) == 3


def test_anybody_may_send_records(feed: Feed) -> None:
    feed.send(*athlete(6, score=9), record("score", 10), record("name", None, first_id=2), partition=2)

    report = feed.await_agreement()

    top = feed.results()["olympic_events.top_athletes"]
    assert [(value["name"], value["score"]) for value in top] == [("Alex", 10), ("athlete 6", 9), ("Josef", 8)]
    assert {"counted", "superseded", "deleted", "waiting for its other parts"} <= report.dispositions.keys()


def test_every_kind_of_bad_record_is_quarantined_in_its_own_bytes(feed: Feed) -> None:
    feed.send(*(value for value, _ in BAD), *athlete(7))

    report = feed.await_agreement()

    assert report.dispositions["quarantined"] >= len(BAD)


def test_record_as_large_as_the_broker_takes_does_not_stop_the_job(feed: Feed) -> None:
    feed.send(b"x" * 1_000_000, *athlete(8))

    feed.await_agreement()


def test_generated_records_agree_with_the_model(feed: Feed, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("FUZZ_SEED") or random.randrange(2**32))
    with capsys.disabled():  # seen in every run, so that a failure can be had again
        print(f"\n{RECORDS} generated records, FUZZ_SEED={seed}")
    feed.send_all(generated(RECORDS, seed))

    report = feed.await_agreement(300)

    assert sum(report.dispositions.values()) > RECORDS
    with capsys.disabled():
        print("\n".join(report.lines()))


def test_file_is_published_once_and_goes_on_where_it_ended(feed: Feed, tmp_path: Path) -> None:
    lines = [*athlete(9), record("score", 5, first_id=9), record("score", 5, first_id=9)]
    path = tmp_path / "more.jsonl"
    path.write_bytes(b"\n".join(lines[:4]) + b"\n\n")
    publish = [publish_records(feed.stack.kafka, feed.pipeline.kafka_source, path)]
    path.write_bytes(b"\r\n".join(lines))
    publish += [publish_records(feed.stack.kafka, feed.pipeline.kafka_source, path) for _ in range(2)]

    assert [str(report) for report in publish] == [
        "published 4 records, 0 were there",
        "published 1 records, 4 were there",
        "unchanged: 5 records",
    ]
    feed.await_agreement()


def test_bad_file_is_refused_whole_or_quarantined_when_that_is_allowed(feed: Feed, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"\n".join([*athlete(10), b"no json", b'{"data": ["no type"]}']))
    before = len(feed.sent())

    with pytest.raises(DataFileError) as caught:
        publish_records(feed.stack.kafka, feed.pipeline.kafka_source, path)

    assert str(caught.value) == (
        f"{path}: 2 of 5 lines are no good records: line 4: it is not JSON; line 5: it has no text 'type', which is "
        "to be its key. Nothing was published; mend them, or allow rejects to have them published as they are, for the "
        "quarantine"
    )
    assert len(feed.sent()) == before
    report = publish_records(feed.stack.kafka, feed.pipeline.kafka_source, path, allow_rejects=True)
    assert (report.published, report.rejected) == (5, 2)
    feed.await_agreement()


def test_mended_records_come_back_once_and_the_others_with_an_attempt_more(feed: Feed) -> None:
    before = len(feed.quarantine())
    feed.send(
        b'{"type":"score","data":77,"first_id":20}',
        b'{"type":"name","data":"Mended","first_id":20}',
        b'{"type":"nationality","data":["Chile"],"first_id":20}',
        b'{"type":"mood","data":["good"],"first_id":20}',
        b'{"type":"score","data":[1,"2","x"],"first_id":21}',
    )
    new = feed.await_quarantined(before + 5)[before:]
    last = min(entry.source_offset for entry in new)
    since = f"source_partition == `0` && source_offset >= `{last}`"

    mend = "{type: value.type, data: [value.data], first_id: value.first_id}"
    no_list: dict[str, object] = {
        "pipeline": "olympic_events",
        "filter": f"{since} && reason == 'data is not a list'",
        "mapping": mend,
    }
    feed.dag("republish_quarantine", no_list)
    feed.dag("republish_quarantine", no_list)
    feed.await_agreement()

    [entry] = [value for value in feed.results()["olympic_events.entries"] if value["id"] == 20]
    assert entry == {"id": 20, "name": "Mended", "nationality": "Chile", "score": 77}
    again = republish(feed.stack.kafka, QUARANTINE, since)
    assert (again.republished, again.done_before >= 2) == (2, True)
    feed.await_agreement()
    attempts = sorted((entry.reason, entry.attempts) for entry in feed.quarantine()[before:])
    element, mood = "the element is not a 32-bit integer", "type is not name, score or nationality"
    assert attempts == sorted([
        ("data is not a list", 0), ("data is not a list", 0), (element, 0), (element, 0), (mood, 0),
        (element, 1), (element, 1), (mood, 1),
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("where", "mapping", "message"),
    [
        ("reason = 'x'", None, "the filter \"reason = 'x'\" is no JMESPath"),
        (None, "{", "the mapping '{' is no JMESPath"),
        ("length(attempts) > `1`", None, "the filter cannot be applied to olympic_data-"),
        (None, "no_such_field", "the mapping gives nothing for olympic_data-"),
    ],
)
def test_wrong_expression_sends_nothing(feed: Feed, where: str | None, mapping: str | None, message: str) -> None:
    feed.send(b"a record for the quarantine")
    feed.await_quarantined(len(feed.expected().quarantine))
    before = feed.sent()

    with pytest.raises(RepublishError) as caught:
        republish(feed.stack.kafka, QUARANTINE, where, mapping)

    assert str(caught.value).startswith(message)
    assert feed.sent() == before


def test_lost_record_fails_the_audit_and_is_named(feed: Feed) -> None:
    """An entry is deleted behind the job's back, as if the job had lost it."""
    feed.send(*athlete(30))
    feed.await_agreement()
    offsets = [sent.offset for sent in feed.sent() if sent.partition == 0][-3:]
    send_records(feed.stack.kafka, [Record("olympic_events.entries", b'{"id":30}', None)])
    assert feed.pipeline.audit is not None

    with pytest.raises(CheckFailedError) as caught:
        audit_records(feed.pipeline, feed.pipeline.audit, feed.stack.kafka, 15, settle_seconds=1)

    head, *lines = str(caught.value).splitlines()
    assert head == "3 elements have no disposition, so records were lost or counted twice:"
    assert lines == [
        f"  {TOPIC}-0 offset {offset} position 0: is the latest value and not in the entry with its id"
        for offset in offsets
    ]
    # The job has the entry in its state and writes it again when a part of it changes.
    feed.send(record("score", 2, first_id=30))
    feed.await_agreement()
