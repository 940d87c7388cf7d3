"""Publishing a file of JSON lines to a topic, each line once.

A record carries what it is in a header: the hash of its line, and which one of equal lines it is. Lines that the topic
has already are not sent again, so a run that was cut off goes on where it ended, and a file that has grown adds what is
new.
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
# What brokers and clients take by default is 1 MiB, with the overhead of a batch.
MAX_LINE_BYTES = 1_000_000
SHOWN_REJECTS = 5


class Line(NamedTuple):
    """A line of the file: its number, its bytes, the key of its record, and why it is no good record (None: it is)."""

    number: int
    data: bytes
    key: bytes | None
    problem: str | None


@dataclass(frozen=True)
class PublishReport:
    """Numbers of lines by what happened to them; those without a good record are among the published, too."""

    published: int
    unchanged: int
    rejected: int

    def __str__(self) -> str:
        rejected = f", {self.rejected} of them bad, which the jobs put into the quarantine" if self.rejected else ""
        if self.published:
            return f"published {self.published} records, {self.unchanged} were there{rejected}"
        return f"unchanged: {self.unchanged} records{rejected}"


def publish_records(
    kafka: KafkaEndpoint, source: KafkaSource, data_file: Path, allow_rejects: bool = False
) -> PublishReport:
    """Makes the topic hold every line of the file, in their order.

    DataFileError for a file that cannot be read, a line that is too long, and, without `allow_rejects`, a line that is
    no JSON object or lacks the key; nothing is published then.
    """
    lines = list(read_lines(data_file, source.key))
    rejects = [line for line in lines if line.problem]
    if rejects and not allow_rejects:
        shown = "; ".join(f"line {line.number}: {line.problem}" for line in rejects[:SHOWN_REJECTS])
        more = f"; and {len(rejects) - SHOWN_REJECTS} more" if len(rejects) > SHOWN_REJECTS else ""
        raise DataFileError(
            f"{data_file}: {len(rejects)} of {len(lines)} lines are no good records: {shown}{more}. Nothing was "
            "published; mend them, or allow rejects to have them published as they are, for the quarantine"
        )
    with consumer(kafka) as client:
        there = {
            value for record in RecordReader(client, source.topic).refresh() for name, value in record.headers
            if name == CONTENT_HEADER
        }  # fmt: skip
    new = [
        Record(source.topic, line.key, line.data, headers=((CONTENT_HEADER, content),))
        for line, content in zip(lines, _contents(lines), strict=True)
        if content not in there
    ]
    send_records(kafka, new)
    return PublishReport(len(new), len(lines) - len(new), len(rejects))


def read_lines(data_file: Path, key: str | None) -> Iterator[Line]:
    """The lines of a file that are not blank; DataFileError when it cannot be read or a line is too long."""
    try:
        with data_file.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                data = raw.rstrip(b"\r\n")
                if len(data) > MAX_LINE_BYTES:
                    raise DataFileError(
                        f"{data_file}: line {number} has {len(data)} bytes, and a record takes at most "
                        f"{MAX_LINE_BYTES}; split it"
                    )
                if data.strip():
                    yield _judged(number, data, key)
    except OSError as error:
        raise DataFileError(
            f"{data_file}: cannot be read: {error.strerror}; give the path of a JSON lines file"
        ) from None


def _judged(number: int, data: bytes, key: str | None) -> Line:
    try:
        record = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        return Line(number, data, None, "it is not UTF-8")
    except (ValueError, RecursionError):
        return Line(number, data, None, "it is not JSON")
    if not isinstance(record, dict):
        return Line(number, data, None, "it is no JSON object")
    if key is None:
        return Line(number, data, None, None)
    value = record.get(key)
    if not isinstance(value, str):
        return Line(number, data, None, f"it has no text {key!r}, which is to be its key")
    return Line(number, data, value.encode("utf-8", "surrogatepass"), None)


def _contents(lines: list[Line]) -> Iterator[bytes]:
    """What each line is: its hash, and its number among equal ones."""
    seen: Counter[str] = Counter()
    for line in lines:
        digest = hashlib.sha256(line.data).hexdigest()
        seen[digest] += 1
        yield f"{digest}:{seen[digest]}".encode()
