"""Publishing a file of JSON lines to a topic, each line once.

A header identifies the line of a record: the hash of the line, and its number among equal lines. Lines that the topic
already contains are skipped, so an interrupted run resumes where it stopped, and a file that has grown adds only its
new lines.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from infra.endpoints import KafkaEndpoint
from infra.errors import DataFileError
from infra.kafka.client import consumer
from infra.kafka.reader import RecordReader
from infra.kafka.writer import Record, send_records
from infra.pipeline import KafkaSource

CONTENT_HEADER = "content"
# Brokers and clients accept 1 MiB by default, including the overhead of a batch.
MAX_LINE_BYTES = 1_000_000
SHOWN_REJECTS = 5


class Line(NamedTuple):
    """A line of the file: its number, bytes and record key, and the reason why it is invalid (None: it is valid)."""

    number: int
    data: bytes
    key: bytes | None
    reason: str | None


@dataclass(frozen=True)
class PublishReport:
    """Numbers of lines; `rejected` counts the invalid ones among both the published and the unchanged lines."""

    published: int
    unchanged: int
    rejected: int

    def __str__(self) -> str:
        rejected = f", including {self.rejected} invalid ones that the jobs quarantine" if self.rejected else ""
        if self.published:
            return f"published {self.published} records, {self.unchanged} already published{rejected}"
        return f"unchanged: {self.unchanged} records{rejected}"


def publish_records(
    kafka: KafkaEndpoint, source: KafkaSource, data_file: Path, allow_rejects: bool = False
) -> PublishReport:
    """Publish every line of the file that the topic does not contain yet, in order.

    DataFileError, before anything is published, if the file cannot be read, a line is too long, or, without
    `allow_rejects`, a line is not a JSON object with the key.
    """
    lines = list(read_lines(data_file, source.key))
    rejects = [line for line in lines if line.reason]
    if rejects and not allow_rejects:
        shown = "".join(f"\n  line {line.number}: {line.reason}" for line in rejects[:SHOWN_REJECTS])
        more = f"\n  and {len(rejects) - SHOWN_REJECTS} more" if len(rejects) > SHOWN_REJECTS else ""
        raise DataFileError(
            f"{data_file}: {len(rejects)} of {len(lines)} lines are invalid, so nothing was published:{shown}{more}\n"
            "Fix these lines, or publish them as they are with allow_rejects; the jobs then quarantine them."
        )
    with consumer(kafka) as client:
        published = {
            value for record in RecordReader(client, source.topic).refresh() for name, value in record.headers
            if name == CONTENT_HEADER
        }  # fmt: skip
    new = [
        Record(source.topic, line.key, line.data, headers=((CONTENT_HEADER, content),))
        for line, content in zip(lines, _contents(lines), strict=True)
        if content not in published
    ]
    send_records(kafka, new)
    return PublishReport(len(new), len(lines) - len(new), len(rejects))


def read_lines(data_file: Path, key: str | None) -> Iterator[Line]:
    """Yield the lines of a file that are not blank; DataFileError if it cannot be read or a line is too long."""
    try:
        with data_file.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                data = raw.rstrip(b"\r\n")
                if len(data) > MAX_LINE_BYTES:
                    raise DataFileError(
                        f"{data_file}: line {number} has {len(data)} bytes. Expected at most {MAX_LINE_BYTES}, the "
                        "largest record. Split it."
                    )
                if data.strip():
                    yield _validated(number, data, key)
    except OSError as error:
        raise DataFileError(
            f"{data_file}: cannot be read: {error.strerror}. Expected a JSON lines file. Fix its path or permissions."
        ) from None


def _validated(number: int, data: bytes, key: str | None) -> Line:
    try:
        record = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        return Line(number, data, None, "not UTF-8")
    except (ValueError, RecursionError):
        return Line(number, data, None, "not JSON")
    if not isinstance(record, dict):
        return Line(number, data, None, "not a JSON object")
    if key is None:
        return Line(number, data, None, None)
    value = record.get(key)
    if not isinstance(value, str):
        return Line(number, data, None, f"{key!r}, the key of the record, is missing or not a text")
    return Line(number, data, value.encode("utf-8", "surrogatepass"), None)


def _contents(lines: list[Line]) -> Iterator[bytes]:
    """Yield the content header of each line: its hash, and its number among equal lines."""
    seen: Counter[str] = Counter()
    for line in lines:
        digest = hashlib.sha256(line.data).hexdigest()
        seen[digest] += 1
        yield f"{digest}:{seen[digest]}".encode()
