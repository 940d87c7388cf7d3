"""The pipeline from a source topic, end to end: sample, arbitrary and generated records, and republished ones."""

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
from tests.local.olympic_events.conftest import QUARANTINE, TOPIC, Deployment
from tests.support.olympics_model import SEED, Row
from tests.support.record_cases import INVALID, generated

RECORDS = 10_000


def record(kind: str, *data: object, first_id: int = 1) -> bytes:
    return json.dumps({"type": kind, "data": data, "first_id": first_id}).encode()


def athlete(athlete_id: int, score: int = 1) -> list[bytes]:
    """Return the three records of one athlete."""
    values: dict[str, object] = {"name": f"athlete {athlete_id}", "nationality": "Peru", "score": score}
    return [record(kind, value, first_id=athlete_id) for kind, value in values.items()]


def test_sample_gives_the_seed_results_and_a_second_run_changes_nothing(deployment: Deployment) -> None:
    found = deployment.results()

    assert [Row(**value) for value in found["olympic_events.entries"]] == SEED
    report = deployment.await_agreement()
    assert report.dispositions == {"counted": 12, "duplicate": 3}
    output = deployment.run()
    assert "publish_records: records.jsonl on olympic_data: unchanged: 3 records" in output
    steps = ("provision_topics:", "publish_records:", "create_configmaps:", "submit_")
    lines = [line for line in output.splitlines() if any(step in line for step in steps)]
    assert [line for line in lines if "unchanged" not in line] == []
    assert len(deployment.sent()) == 3


def test_other_producers_can_send_records(deployment: Deployment) -> None:
    deployment.send(*athlete(6, score=9), record("score", 10), record("name", None, first_id=2), partition=2)

    report = deployment.await_agreement()

    top = deployment.results()["olympic_events.top_athletes"]
    assert [(value["name"], value["score"]) for value in top] == [("Alex", 10), ("athlete 6", 9), ("Josef", 8)]
    assert {"counted", "superseded", "deleted", "waiting"} <= report.dispositions.keys()


def test_every_kind_of_invalid_record_is_quarantined_with_its_original_bytes(deployment: Deployment) -> None:
    deployment.send(*(value for value, _ in INVALID), *athlete(7))

    report = deployment.await_agreement()

    assert report.dispositions["quarantined"] >= len(INVALID)


def test_record_of_the_largest_size_does_not_stop_the_job(deployment: Deployment) -> None:
    deployment.send(b"x" * 1_000_000, *athlete(8))

    deployment.await_agreement()


def test_generated_records_agree_with_the_model(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("FUZZ_SEED") or random.randrange(2**32))
    with capsys.disabled():  # shown in every run, so that a failure can be reproduced
        print(f"\n{RECORDS} generated records, FUZZ_SEED={seed}")
    deployment.send_all(generated(RECORDS, seed))

    report = deployment.await_agreement(300)

    assert sum(report.dispositions.values()) > RECORDS
    with capsys.disabled():
        print("\n".join(report.lines()))


def test_file_is_published_once_and_resumed(deployment: Deployment, tmp_path: Path) -> None:
    lines = [*athlete(9), record("score", 5, first_id=9), record("score", 5, first_id=9)]
    path = tmp_path / "more.jsonl"
    path.write_bytes(b"\n".join(lines[:4]) + b"\n\n")
    publish = [publish_records(deployment.stack.kafka, "olympic_data", "type", path)]
    path.write_bytes(b"\r\n".join(lines))
    publish += [publish_records(deployment.stack.kafka, "olympic_data", "type", path) for _ in range(2)]

    assert [str(report) for report in publish] == [
        "published 4 records, 0 already published",
        "published 1 records, 4 already published",
        "unchanged: 5 records",
    ]
    deployment.await_agreement()


def test_invalid_file_is_rejected_or_quarantined_if_rejects_are_allowed(deployment: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "invalid.jsonl"
    path.write_bytes(b"\n".join([*athlete(10), b"no json", b'{"data": ["no type"]}']))
    before = len(deployment.sent())

    with pytest.raises(DataFileError) as caught:
        publish_records(deployment.stack.kafka, "olympic_data", "type", path)

    assert str(caught.value) == (
        f"{path}: 2 of 5 lines are invalid, so nothing was published:\n"
        "  line 4: not JSON\n"
        "  line 5: 'type', the key of the record, is missing or not a text\n"
        "Fix these lines, or publish them as they are with allow_rejects; the jobs then quarantine them."
    )
    assert len(deployment.sent()) == before
    report = publish_records(deployment.stack.kafka, "olympic_data", "type", path, allow_rejects=True)
    assert str(report) == (
        "published 5 records, 0 already published, including 2 invalid ones that the jobs quarantine"
    )
    deployment.await_agreement()


def test_corrected_records_return_once_and_the_others_with_one_more_attempt(deployment: Deployment) -> None:
    before = len(deployment.quarantine())
    deployment.send(
        b'{"type":"score","data":77,"first_id":20}',
        b'{"type":"name","data":"Corrected","first_id":20}',
        b'{"type":"nationality","data":["Chile"],"first_id":20}',
        b'{"type":"mood","data":["good"],"first_id":20}',
        b'{"type":"score","data":[1,"2","x"],"first_id":21}',
    )
    new = deployment.await_quarantined(before + 4)[before:]
    first = min(record.source_offset for record in new)
    since = f"source_partition == `0` && source_offset >= `{first}`"

    parameters: dict[str, object] = {
        "pipeline": "olympic_events",
        "filter": f"{since} && reason == 'data in the record is not a list'",
        "mapping": "{type: value.type, data: [value.data], first_id: value.first_id}",
    }
    deployment.dag("republish_quarantine", parameters)
    deployment.dag("republish_quarantine", parameters)
    deployment.await_agreement()

    [corrected] = [value for value in deployment.results()["olympic_events.entries"] if value["id"] == 20]
    assert corrected == {"id": 20, "name": "Corrected", "nationality": "Chile", "score": 77}
    again = republish(deployment.stack.kafka, QUARANTINE, since)
    assert (again.republished, again.already_republished >= 2) == (2, True)
    deployment.await_agreement()
    attempts = sorted((record.reason, record.attempts) for record in deployment.quarantine()[before:])
    no_list, elements = "data in the record is not a list", "invalid elements"
    mood = "type is not name, nationality or score"
    assert attempts == sorted([(no_list, 0), (no_list, 0), (elements, 0), (mood, 0), (elements, 1), (mood, 1)])


@pytest.mark.parametrize(
    ("where", "mapping", "message"),
    [
        ("reason = 'x'", None, "the filter \"reason = 'x'\" is not a JMESPath expression"),
        (None, "{", "the mapping '{' is not a JMESPath expression"),
        ("length(attempts) > `1`", None, "the filter cannot be applied to olympic_data-"),
        (None, "no_such_field", "the mapping returns null for olympic_data-"),
    ],
)
def test_invalid_expression_sends_nothing(
    deployment: Deployment, where: str | None, mapping: str | None, message: str
) -> None:
    deployment.send(b"a record for the quarantine")
    deployment.await_quarantined(len(deployment.expected().quarantine))
    before = deployment.sent()

    with pytest.raises(RepublishError) as caught:
        republish(deployment.stack.kafka, QUARANTINE, where, mapping)

    assert str(caught.value).startswith(message)
    assert deployment.sent() == before


def test_lost_record_fails_the_audit_and_is_named(deployment: Deployment) -> None:
    """The test deletes an athlete from the job's output topic, as if the job had lost it."""
    deployment.send(*athlete(30))
    deployment.await_agreement()
    offsets = [sent.offset for sent in deployment.sent() if sent.partition == 0][-3:]
    send_records(deployment.stack.kafka, [Record("olympic_events.entries", b'{"id":30}', None)])
    assert deployment.pipeline.audit is not None

    with pytest.raises(CheckFailedError) as caught:
        audit_records(deployment.pipeline, deployment.pipeline.audit, deployment.stack.kafka, 15)

    head, *lines = str(caught.value).splitlines()
    assert head == "3 elements have no disposition, so records were lost or counted twice:"
    assert lines == [
        f"  {TOPIC}-0 offset {offset} position 0: is the latest value, but not the value of the athlete in "
        "olympic_events.entries"
        for offset in offsets
    ]
    # The job has the athlete in its state, and writes it again when a value of it changes.
    deployment.send(record("score", 2, first_id=30))
    deployment.await_agreement()
