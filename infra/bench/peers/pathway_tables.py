"""Pathway: tables with incremental operators, on two threads.

Its Kafka source reads a changelog as records that are only added, so `deduplicate` keeps the last one of an id, and
deleted ids stay in its state. Its Kafka sink writes additions and removals and not upserts, so the results are written
by a subscriber, which makes an upsert or a tombstone of the changes of a key in a batch. Persistence is off.
"""

from __future__ import annotations

from typing import Any

import pathway as pw
from confluent_kafka import Producer

from infra.bench.peers.contract import (
    PRODUCER,
    InvalidRecordError,
    dumps,
    read_arguments,
    read_record,
    report_ready,
)

COMMIT_MS = 500


@pw.udf
def read(key: bytes, data: bytes | None) -> tuple[int, str, str, int, bool, str]:
    """Return id, name, nationality, score, whether the row is deleted, and the reason why the record is invalid."""
    try:
        number, row = read_record(key, data)
    except InvalidRecordError as error:
        return 0, "", "", 0, False, str(error)
    return (number, *row, False, "") if row else (number, "", "", 0, True, "")


@pw.udf
def best_three(by_score: tuple) -> tuple[tuple[int, int, str], ...]:  # type: ignore[type-arg]
    """Return the best three as (-score, id, name), of (-score, ((id, name), ...)) in ascending order."""
    found: list[tuple[int, int, str]] = []
    for negative, athletes in by_score:
        found += [(negative, number, name) for number, name in athletes]
        if len(found) >= 3:
            break
    return tuple(found[:3])


@pw.udf
def with_rank(ordered: tuple) -> tuple[tuple[int, int, str, str, int], ...]:  # type: ignore[type-arg]
    """Return rank, id, name, nationality and score of the first three."""
    ranked = enumerate(ordered[:3], start=1)
    return tuple((rank, number, name, nation, -negative) for rank, (negative, number, name, nation) in ranked)


def latest_rows(records: pw.Table) -> tuple[pw.Table, pw.Table]:
    """Return the rows that exist, and the invalid records."""
    parsed = records.select(read=read(pw.this.key, pw.this.data), offset=pw.this._metadata["offset"].as_int())
    fields = parsed.select(
        pw.this.offset,
        number=pw.this.read[0],
        name=pw.this.read[1],
        nationality=pw.this.read[2],
        score=pw.this.read[3],
        deleted=pw.this.read[4],
        reason=pw.this.read[5],
    )
    latest = fields.filter(pw.this.reason == "").deduplicate(
        value=pw.this.offset, instance=pw.this.number, acceptor=lambda new, old: new > old
    )
    return latest.filter(~pw.this.deleted), fields.filter(pw.this.reason != "")


def results_of(rows: pw.Table) -> dict[str, tuple[str, pw.Table]]:
    """Return key column and table of each output."""
    first = rows.groupby(rows.name).reduce(rows.name, kept_id=pw.reducers.min(rows.number))
    checked = rows.join(first, rows.name == first.name).select(
        rows.number, rows.name, rows.nationality, rows.score, first.kept_id
    )
    athletes = checked.filter(pw.this.number == pw.this.kept_id)
    statistics = nationality_statistics(athletes)
    best = statistics.groupby().reduce(
        found=pw.reducers.min(
            pw.make_tuple(-pw.this.average_score, pw.this.nationality, pw.this.top_athlete, pw.this.top_score)
        )
    )
    leaders = statistics.select(pw.this.nationality, leader=pw.this.leaders).flatten(pw.this.leader)
    top = leaders.groupby().reduce(
        ordered=pw.reducers.sorted_tuple(
            pw.make_tuple(pw.this.leader[0], pw.this.leader[1], pw.this.leader[2], pw.this.nationality)
        )
    )
    ranked = top.select(found=with_rank(pw.this.ordered)).flatten(pw.this.found)
    return {
        "athletes": ("name", athletes.select(pw.this.name, pw.this.number, pw.this.nationality, pw.this.score)),
        "duplicates": ("number", checked.filter(pw.this.number != pw.this.kept_id)),
        "nationality_stats": ("nationality", statistics.without(pw.this.leaders)),
        "best_nationality": (
            "position",
            best.select(
                position=1,
                nationality=pw.this.found[1],
                average_score=-pw.this.found[0],
                top_athlete=pw.this.found[2],
                top_score=pw.this.found[3],
            ),
        ),
        "top_athletes": (
            "rank",
            ranked.select(
                rank=pw.this.found[0],
                number=pw.this.found[1],
                name=pw.this.found[2],
                nationality=pw.this.found[3],
                score=pw.this.found[4],
            ),
        ),
    }


def nationality_statistics(athletes: pw.Table) -> pw.Table:
    """Return the statistics by nationality.

    A reducer that orders values reads all values of its group again for each batch, so athletes are first grouped by
    score: these groups are small.
    """
    by_score = athletes.groupby(athletes.nationality, athletes.score).reduce(
        athletes.nationality,
        athletes.score,
        athletes=pw.reducers.count(),
        names=pw.reducers.sorted_tuple(pw.make_tuple(athletes.number, athletes.name)),
    )
    grouped = by_score.groupby(by_score.nationality).reduce(
        by_score.nationality,
        athletes=pw.reducers.sum(by_score.athletes),
        total=pw.reducers.sum(by_score.athletes * by_score.score),
        leaders=best_three(pw.reducers.sorted_tuple(pw.make_tuple(-by_score.score, by_score.names))),
    )
    return grouped.select(
        pw.this.nationality,
        pw.this.athletes,
        average_score=pw.this.total / pw.this.athletes,
        top_athlete=pw.this.leaders[0][2],
        top_athlete_id=pw.this.leaders[0][1],
        top_score=-pw.this.leaders[0][0],
        leaders=pw.this.leaders,
    )


class Upserts:
    """Writes the changes of a table to a topic; of the changes of a key in a batch an addition counts."""

    def __init__(self, producer: Producer, topic: str, key: str | None) -> None:
        self._producer = producer
        self._topic = topic
        self._key = key
        self._batch: dict[Any, dict[str, Any] | None] = {}

    def on_change(self, key: Any, row: dict[str, Any], time: int, is_addition: bool) -> None:  # noqa: ARG002
        """Collect a change."""
        name = row[self._key] if self._key else key
        if is_addition:
            self._batch[name] = row
        else:
            self._batch.setdefault(name, None)

    def on_time_end(self, time: int) -> None:  # noqa: ARG002
        """Write the batch."""
        for name, row in self._batch.items():
            key = dumps(_renamed({self._key: name})) if self._key else None
            value = dumps(_renamed(row)) if row else None
            while True:
                try:
                    self._producer.produce(self._topic, key=key, value=value)
                    break
                except BufferError:
                    self._producer.poll(0.1)
        self._batch = {}
        self._producer.poll(0)


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with `id`, which cannot be the name of a column."""
    return {"id" if name == "number" else name: value for name, value in row.items()}


def main() -> None:
    """Declare the tables, and run them until the process is stopped."""
    options = read_arguments()
    settings = {"bootstrap.servers": options.servers, "group.id": options.results, "auto.offset.reset": "earliest"}
    records = pw.io.kafka.read(
        settings, topic=options.source, format="raw", with_metadata=True, autocommit_duration_ms=COMMIT_MS
    )
    rows, invalid = latest_rows(records)
    producer = Producer({"bootstrap.servers": options.servers, **PRODUCER})
    tables = {**results_of(rows), "quarantine": (None, invalid.select(pw.this.reason, pw.this.offset))}
    for output, (key, table) in tables.items():
        upserts = Upserts(producer, f"{options.results}.{output}", key)
        pw.io.subscribe(table, on_change=upserts.on_change, on_time_end=upserts.on_time_end)
    report_ready()
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


if __name__ == "__main__":
    main()
