"""Requests to read captured tables again, which a running job serves, and their outcomes.

Both are on one topic, the key is the id of a request. `ReloadRequests.java` describes the records.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from infra.endpoints import KafkaEndpoint
from infra.errors import JobFailedError, WaitTimeoutError
from infra.kafka.client import consumer
from infra.kafka.reader import RecordReader
from infra.kafka.writer import Record, send_records
from infra.progress import Report

_KEYS_PER_RECORD = 1000
_POLL_SECONDS = 0.3
_HOPE_SECONDS = 5.0


@dataclass(frozen=True)
class Reloaded:
    """The rows that a job has read again, and the rows of the topic that it has deleted."""

    rows: int
    deleted: int

    def __str__(self) -> str:
        return f"{self.rows:,} rows read again, {self.deleted:,} rows deleted that the table does not have"


def request_reload(endpoint: KafkaEndpoint, topic: str, table: str, where: str, absent: Sequence[bytes]) -> str:
    """Ask the job that serves the topic to read a table, and return the id of the request.

    `where` is a condition, empty for all rows. `absent` are the keys of the table's topic that it does not have.
    """
    request = uuid4().hex
    send_records(endpoint, _records(topic, request, table, where, absent))
    return request


def await_reload(
    endpoint: KafkaEndpoint,
    topic: str,
    request: str,
    timeout_seconds: float,
    dead_jobs: Callable[[], list[str]],
    report: Report,
) -> Reloaded:
    """Wait for the outcome of a request.

    JobFailedError if the job could not serve it, or has died; WaitTimeoutError after `timeout_seconds`.
    """
    begun = asked = time.monotonic()
    state, rows = "requested", 0
    with consumer(endpoint) as client:
        reader = RecordReader(client, topic)
        while time.monotonic() - begun < timeout_seconds:
            for record in reader.refresh():
                if record.key != request.encode():
                    continue
                value = json.loads(record.value)
                state, rows = value["state"], value.get("rows", 0)
                if state == "running":
                    report(f"{rows:,} rows read")
                elif state == "failed":
                    raise JobFailedError(f"the job could not read the table again: {value['message']}")
                elif state == "done":
                    return Reloaded(rows, value["deleted"])
            if time.monotonic() - asked >= _HOPE_SECONDS:
                if dead := dead_jobs():
                    raise JobFailedError(f"{', '.join(dead)}, so no table is read again. Deploy the pipeline.")
                asked = time.monotonic()
            time.sleep(_POLL_SECONDS)
    raise WaitTimeoutError(
        f"waited {timeout_seconds:.0f} s for the reload {request} on topic {topic}; it is {state}, {rows:,} rows are "
        "read. The job serves it when it has read the snapshot of all tables. Look at its log."
    )


def _records(topic: str, request: str, table: str, where: str, absent: Sequence[bytes]) -> Iterator[Record]:
    for first in range(0, len(absent), _KEYS_PER_RECORD):
        # In base64, because another producer can have written any bytes.
        keys = [b64encode(key).decode() for key in absent[first : first + _KEYS_PER_RECORD]]
        yield _record(topic, request, {"state": "absent", "keys": keys})
    yield _record(topic, request, {"state": "requested", "table": table, "where": where})


def _record(topic: str, request: str, value: dict[str, object]) -> Record:
    return Record(topic, request.encode(), json.dumps(value).encode())
