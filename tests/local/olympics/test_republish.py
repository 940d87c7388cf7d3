"""A corrected record of the changelog, with an update of its row in between: the newer row stays in force."""

from __future__ import annotations

import json

from kafka.consumer.fetcher import ConsumerRecord

from infra.checks.audit import audit_records
from infra.kafka.client import consumer
from infra.kafka.quarantine import read_quarantine
from infra.kafka.quarantine_format import QuarantinedRecord
from infra.kafka.reader import RecordReader
from infra.kafka.writer import Record, send_records
from infra.waiting import wait_until
from tests.local.olympics.conftest import Deployment

TOPIC, QUARANTINE = "olympics.players", "olympics.quarantine"
INVALID = {"id": 1, "name": "Alex", "nationality": "Austria", "score": "nine"}
MAPPING = "{id: value.id, name: value.name, nationality: value.nationality, score: `9`}"


def last_record(deployment: Deployment, player: int) -> ConsumerRecord:
    with consumer(deployment.stack.kafka) as client:
        records = RecordReader(client, TOPIC).refresh()
    key = b'{"id":%d}' % player  # other tests leave keys that are not JSON
    return [record for record in records if record.key == key][-1]


def quarantined(deployment: Deployment, partition: int, offset: int) -> QuarantinedRecord | None:
    with consumer(deployment.stack.kafka) as client:
        found, _ = read_quarantine(client, QUARANTINE)
    return next((one for one in found if (one.source_partition, one.source_offset) == (partition, offset)), None)


def test_newer_row_stays_in_force(seeded: Deployment) -> None:
    before = last_record(seeded, 1)
    invalid = Record(TOPIC, before.key, json.dumps(INVALID).encode(), before.partition)
    send_records(seeded.stack.kafka, [invalid])
    offset = last_record(seeded, 1).offset
    wait_until(lambda: quarantined(seeded, before.partition, offset), "the record to be quarantined", 60)
    seeded.execute("UPDATE players SET score = 6 WHERE id = 1")
    seeded.await_agreement()

    where = f"source_partition == `{before.partition}` && source_offset == `{offset}`"
    seeded.dag("republish_quarantine", {"pipeline": "olympics", "filter": where, "mapping": MAPPING})

    assert json.loads(last_record(seeded, 1).value)["score"] == 6
    seeded.await_agreement()
    seeded.assert_agrees_with_model()
    assert seeded.pipeline.audit is not None
    audited = audit_records(seeded.pipeline, seeded.pipeline.audit, seeded.stack.kafka, 60)
    assert audited.dispositions["quarantined"] >= 1
