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

from kafka import KafkaConsumer, TopicPartition

from infra.endpoints import KafkaEndpoint
from infra.errors import DataFileError
from infra.kafka.client import consumer
from infra.kafka.reader import partitions_of, read_to_end
from infra.kafka.writer import Record, send_records
from infra.plan import Action, PlannedChange
from infra.progress import Progress, Report, silent

CONTENT_HEADER = "content"
# Brokers and clients accept 1 MiB by default, including the overhead of a batch.
MAX_LINE_BYTES = 1_000_000
SHOWN_REJECTS = 5
# A line can have many rows or a part of one, so only the size of the file tells. Short values in lists have less.
BYTES_PER_ROW = 100
# A plan reads at most this many records of a topic, to count the lines that it does not have.
PREVIEWED_RECORDS = 1_000_000


class Line(NamedTuple):
    """A line of the file: its number, bytes, end and record key, and the reason why it is invalid (None: it is valid).

    `end` is the offset in the file of the byte after the line.
    """

    number: int
    data: bytes
    end: int
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
    kafka: KafkaEndpoint,
    topic: str,
    key: str | None,
    data_file: Path,
    allow_rejects: bool = False,
    report: Report = silent,
) -> PublishReport:
    """Publish every line of the file that the topic does not contain yet, in order.

    `key` names the field whose value becomes the key of a record.

    DataFileError, before anything is published, if the file cannot be read, a line is too long, or, without
    `allow_rejects`, a line is not a JSON object with the key. The file is read twice, to check and to publish it, so
    that memory holds a hash of each line and not the lines. `report` gets the progress of work that takes longer.
    """
    lines, rejected = _checked(data_file, key, allow_rejects, report)
    with consumer(kafka) as client:
        published = _published_contents(client, topic, report)
    lines_to_send = _with_progress(read_lines(data_file, key), "publishing", data_file, report)
    sent = send_records(kafka, _new_records(topic, lines_to_send, published))
    return PublishReport(sent, lines - sent, rejected)


def preview_records(
    kafka: KafkaEndpoint, topic: str, key: str | None, data_file: Path, allow_rejects: bool = False
) -> PlannedChange:
    """Return how many lines `publish_records` would publish, and publish nothing; DataFileError as there.

    The records of a topic that is large are not read, so their number is not known.
    """
    lines, rejected = _checked(data_file, key, allow_rejects, silent)
    name, details = f"{data_file.name} on {topic}", (f"invalid lines: {rejected:,}",) if rejected else ()
    with consumer(kafka) as client:
        exists = bool(client.partitions_for_topic(topic))
        records = _records_in(client, partitions_of(client, topic)) if exists else 0
        if records > PREVIEWED_RECORDS:
            not_counted = f"not counted, because the topic has about {records:,} records"
            return PlannedChange("records", name, Action.CHANGE, not_counted, details)
        published = _published_contents(client, topic, silent) if records else set()
    new = sum(1 for _ in _new_records(topic, read_lines(data_file, key), published))
    action = Action.CHANGE if new else Action.UNCHANGED
    return PlannedChange("records", name, action, f"publish {new:,} of {lines:,} lines", details)


def _checked(data_file: Path, key: str | None, allow_rejects: bool, report: Report) -> tuple[int, int]:
    """Return the numbers of lines and of invalid lines; DataFileError for an invalid line without `allow_rejects`."""
    count, rejected, first = 0, 0, list[Line]()
    for line in _with_progress(read_lines(data_file, key), "checking", data_file, report):
        count += 1
        if line.reason:
            rejected += 1
            first += [line] if len(first) < SHOWN_REJECTS else []
    if rejected and not allow_rejects:
        shown = "".join(f"\n  line {line.number}: {line.reason}" for line in first)
        more = f"\n  and {rejected - SHOWN_REJECTS} more" if rejected > SHOWN_REJECTS else ""
        raise DataFileError(
            f"{data_file}: {rejected} of {count} lines are invalid, so nothing was published:{shown}{more}\n"
            "Fix these lines, or publish them as they are with allow_rejects; the jobs then quarantine them."
        )
    return count, rejected


def _published_contents(client: KafkaConsumer, topic: str, report: Report) -> set[bytes]:
    """Return the content headers of the topic's records."""
    partitions = partitions_of(client, topic)
    client.assign(partitions)
    total = _records_in(client, partitions)
    progress = Progress(report, f"reading {topic}", "records", total)
    contents: set[bytes] = set()
    for count, record in enumerate(read_to_end(client, partitions, {}), start=1):
        contents.update(value for name, value in record.headers if name == CONTENT_HEADER)
        progress.update(count)
    return contents


def _new_records(topic: str, lines: Iterator[Line], published: set[bytes]) -> Iterator[Record]:
    """Yield a record for each line whose content is not published."""
    seen: Counter[bytes] = Counter()
    for line in lines:
        content = _content(line, seen)
        if content not in published:
            yield Record(topic, line.key, line.data, headers=((CONTENT_HEADER, content),))


def _with_progress(lines: Iterator[Line], verb: str, data_file: Path, report: Report) -> Iterator[Line]:
    total = data_file.stat().st_size if data_file.is_file() else None  # the reader reports a file that is missing
    progress = Progress(report, f"{verb} {data_file.name}", "lines", total)
    for count, line in enumerate(lines, start=1):
        progress.update(count, line.end)
        yield line


def read_lines(data_file: Path, key: str | None) -> Iterator[Line]:
    """Yield the lines of a file that are not blank; DataFileError if it cannot be read or a line is too long."""
    try:
        with data_file.open("rb") as stream:
            end = 0
            for number, raw in enumerate(stream, start=1):
                end += len(raw)
                data = raw.rstrip(b"\r\n")
                if len(data) > MAX_LINE_BYTES:
                    raise DataFileError(
                        f"{data_file}: line {number} has {len(data)} bytes. Expected at most {MAX_LINE_BYTES}, the "
                        "largest record. Split it."
                    )
                if data.strip():
                    yield _validated(number, data, end, key)
    except OSError as error:
        raise DataFileError(
            f"{data_file}: cannot be read: {error.strerror}. Expected a JSON lines file. Fix its path or permissions."
        ) from None


def estimate_rows(data_file: Path) -> int:
    """Return at least how many rows the lines are about, from the size of the file; 0 if it does not exist."""
    return data_file.stat().st_size // BYTES_PER_ROW if data_file.is_file() else 0


def count_records(kafka: KafkaEndpoint, topic: str) -> int:
    """Return about how many records a topic has: the range of its offsets."""
    with consumer(kafka) as client:
        return _records_in(client, partitions_of(client, topic))


def _records_in(client: KafkaConsumer, partitions: list[TopicPartition]) -> int:
    ends, begins = client.end_offsets(partitions), client.beginning_offsets(partitions)
    return int(sum(ends.values()) - sum(begins.values()))


def _validated(number: int, data: bytes, end: int, key: str | None) -> Line:
    try:
        record = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        return Line(number, data, end, None, "not UTF-8")
    except (ValueError, RecursionError):
        return Line(number, data, end, None, "not JSON")
    if not isinstance(record, dict):
        return Line(number, data, end, None, "not a JSON object")
    if key is None:
        return Line(number, data, end, None, None)
    value = record.get(key)
    if not isinstance(value, str):
        return Line(number, data, end, None, f"{key!r}, the key of the record, is missing or not a text")
    return Line(number, data, end, value.encode("utf-8", "surrogatepass"), None)


def _content(line: Line, seen: Counter[bytes]) -> bytes:
    """Return the content header of the next line: its hash, and its number among equal lines, which `seen` counts."""
    digest = hashlib.sha256(line.data).digest()
    seen[digest] += 1
    return f"{digest.hex()}:{seen[digest]}".encode()
