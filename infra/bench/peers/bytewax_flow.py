"""Bytewax: a dataflow with stateful steps for ids, names, duplicates, nationalities, and the rankings.

A step has the state of a group of keys in a dictionary: one for each key would be called for each record, which costs
more than the work.

State is in memory and is not recovered: with a recovery store each step would also be written to disk. Steps get the
values of a key in batches, so a result that changes several times in a batch is written once.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Set
from datetime import timedelta
from typing import Any
from zlib import crc32

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.run import cli_main

from infra.bench.peers.contract import (
    OUTPUTS,
    PRODUCER,
    InvalidRecordError,
    Leader,
    Row,
    Statistics,
    athlete,
    best_nationality,
    by_average,
    by_rank,
    dumps,
    duplicate,
    nationality_stats,
    read_arguments,
    read_record,
    report_ready,
    top_athlete,
)

BATCH = 10_000
GROUPS = 32
FEW = ("nationality", "all")  # kinds of keys that are few: each is a group of its own
WRITTEN = {*OUTPUTS, "quarantine"}
# An event is an output with its key and value, or (kind, key, content) for the next step.
Event = tuple[str, Any, Any]
# Of a name: the id and the row of its athlete, and the other ids.
Results = tuple[int, Row | None, set[int]]


class LatestRows(StatefulBatchLogic):
    """The rows of a group of ids: emits what a change means for the name before and the name after."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}

    def on_batch(self, values: list[tuple[int, Row | None]]) -> tuple[Iterable[Event], bool]:
        """Only the last change of an id in a batch counts."""
        events: list[Event] = []
        for number, row in dict(values).items():
            before = self._rows.pop(number, None)
            if before is not None and (row is None or row.name != before.name):
                events.append(("name", before.name, (number, None)))
            if row is not None:
                self._rows[number] = row
                events.append(("name", row.name, (number, row)))
        return events, False

    def snapshot(self) -> None:
        """Return nothing, because nothing is recovered."""


class SameNames(StatefulBatchLogic):
    """The rows of a group of names: of each name the lowest id is the athlete, the others are duplicates."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[int, Row]] = {}

    def on_batch(self, values: list[tuple[str, tuple[int, Row | None]]]) -> tuple[Iterable[Event], bool]:
        """Emit the changed results, and what the change of an athlete means for the nationalities."""
        changes: dict[str, dict[int, Row | None]] = {}
        for name, (number, row) in values:
            changes.setdefault(name, {})[number] = row
        events: list[Event] = []
        for name, changed in changes.items():
            rows = self._rows.setdefault(name, {})
            before = _first_and_others(rows)
            for number, row in changed.items():
                if row is None:
                    rows.pop(number, None)
                else:
                    rows[number] = row
            events += _changes_of(name, rows, before, changed.keys())
            if not rows:
                del self._rows[name]
        return events, False

    def snapshot(self) -> None:
        """Return nothing, because nothing is recovered."""


def _first_and_others(rows: dict[int, Row]) -> Results:
    first = min(rows, default=0)
    return first, rows.get(first), {number for number in rows if number != first}


def _changes_of(name: str, rows: dict[int, Row], before: Results, changed: Set[int]) -> Iterator[Event]:
    (old_id, old, old_others), (first, row, others) = before, _first_and_others(rows)
    if (old_id, old) != (first, row):
        yield athlete(name, first, row)
        if old is not None and (row is None or row.nationality != old.nationality):
            yield "nationality", old.nationality, (name, None)
        if row is not None:
            yield "nationality", row.nationality, (name, Leader(row.score, first, name, row.nationality))
    for number in old_others - others:
        yield "duplicate", number, (name, None, first)
    for number in others if old_id != first else others & changed:
        yield "duplicate", number, (name, rows[number], first)


class DuplicateRows(StatefulBatchLogic):
    """The duplicates of a group of ids: the name before and the name after report in any order, and only one has it."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[str, tuple[Row, int]]] = {}

    def on_batch(self, values: list[tuple[int, tuple[str, Row | None, int]]]) -> tuple[Iterable[Event], bool]:
        """Emit each changed duplicate, or its deletion, once for a batch."""
        for number, (name, row, kept_id) in values:
            names = self._rows.setdefault(number, {})
            names.pop(name, None)
            if row is not None:
                names[name] = (row, kept_id)
        events: list[Event] = []
        for number in dict(values):
            row, kept_id = next(reversed(self._rows[number].values()), (None, 0))
            events.append(duplicate(number, row, kept_id))
            if row is None:
                del self._rows[number]
        return events, False

    def snapshot(self) -> None:
        """Return nothing, because nothing is recovered."""


class Nationality(StatefulBatchLogic):
    """The athletes of a nationality: their number and sum, and a heap of the best with outdated entries."""

    def __init__(self) -> None:
        self._athletes: dict[str, Leader] = {}
        self._total = 0
        self._heap: list[tuple[tuple[int, int], Leader]] = []

    def on_batch(self, values: list[tuple[str, tuple[str, Leader | None]]]) -> tuple[Iterable[Event], bool]:
        """Emit the statistics once for a batch."""
        nationality = values[0][0]
        for _, (name, leader) in values:
            before = self._athletes.pop(name, None)
            self._total -= before.score if before else 0
            if leader is not None:
                self._athletes[name] = leader
                self._total += leader.score
                heapq.heappush(self._heap, (by_rank(leader), leader))
        found = None
        if self._athletes:
            found = Statistics(nationality, len(self._athletes), self._total, self._leaders())
        events: list[Event] = [nationality_stats(nationality, found), ("all", "all", (nationality, found))]
        return events, found is None

    def _leaders(self) -> tuple[Leader, ...]:
        if len(self._heap) > 4 * len(self._athletes) + 100:
            self._heap = sorted((by_rank(leader), leader) for leader in self._athletes.values())
        leaders: list[Leader] = []
        while self._heap and len(leaders) < 3:
            _, leader = heapq.heappop(self._heap)
            if self._athletes.get(leader.name) == leader and leader not in leaders:
                leaders.append(leader)
        for leader in leaders:
            heapq.heappush(self._heap, (by_rank(leader), leader))
        return tuple(leaders)

    def snapshot(self) -> None:
        """Return nothing, because nothing is recovered."""


class Rankings(StatefulBatchLogic):
    """The best nationality and the top three of all."""

    def __init__(self) -> None:
        self._statistics: dict[str, Statistics] = {}
        self._best: Statistics | None = None
        self._top: list[Leader] = []

    def on_batch(self, values: list[tuple[str, tuple[str, Statistics | None]]]) -> tuple[Iterable[Event], bool]:
        """Emit what has changed."""
        for _, (nationality, found) in values:
            if found is None:
                self._statistics.pop(nationality, None)
            else:
                self._statistics[nationality] = found
        best = min(self._statistics.values(), key=by_average, default=None)
        leaders = (leader for found in self._statistics.values() for leader in found.leaders)
        top = heapq.nsmallest(3, leaders, key=by_rank)
        events: list[Event] = [best_nationality(best)] if best != self._best else []
        for rank in range(3):
            before, now = (found[rank] if rank < len(found) else None for found in (self._top, top))
            if before != now:
                events.append(top_athlete(rank + 1, now))
        self._best, self._top = best, top
        return events, False

    def snapshot(self) -> None:
        """Return nothing, because nothing is recovered."""


def build_flow(servers: str, source: str, results: str) -> Dataflow:
    """Return the dataflow; `results` is the prefix of the result topics."""
    flow = Dataflow("analytics")
    records = op.input("records", flow, KafkaSource([servers], [source], batch_size=BATCH))
    read = op.flat_map_batch("read", records, _read)
    latest = op.stateful_batch("latest", _keyed("ids", read, "id"), lambda _: LatestRows())
    named = op.stateful_batch("same_name", _keyed("names", op.key_rm("rows", latest), "name"), lambda _: SameNames())
    athletes = op.key_rm("athletes", named)
    nations = op.stateful_batch("nations", _keyed("nationalities", athletes, "nationality"), lambda _: Nationality())
    statistics = op.key_rm("statistics", nations)
    ranked = op.stateful_batch("rankings", _keyed("all", statistics, "all"), lambda _: Rankings())
    duplicates = op.stateful_batch("duplicate", _keyed("duplicates", athletes, "duplicate"), lambda _: DuplicateRows())
    events = op.merge(
        "events", read, athletes, op.key_rm("written", duplicates), statistics, op.key_rm("ranked", ranked)
    )

    def messages(batch: list[Event]) -> list[KafkaSinkMessage]:
        return [
            KafkaSinkMessage(key=key, value=value, topic=f"{results}.{output}")
            for output, key, value in batch
            if output in WRITTEN
        ]

    op.output("results", op.flat_map_batch("messages", events, messages), KafkaSink([servers], None, PRODUCER))
    return flow


def _read(messages: list[KafkaSourceMessage]) -> list[Event]:
    events: list[Event] = []
    for message in messages:
        try:
            number, row = read_record(message.key, message.value)
            events.append(("id", number, row))
        except InvalidRecordError as error:
            origin = {"source_partition": message.partition, "source_offset": message.offset}
            events.append(("quarantine", None, dumps({**origin, "reason": str(error)})))
    return events


def _keyed(step: str, events: Any, kind: str) -> Any:
    """Return the events of a kind as (group, (key, content))."""

    def select(batch: list[Event]) -> list[tuple[str, Any]]:
        if kind in FEW:
            return [(key, (key, content)) for found, key, content in batch if found == kind]
        return [(_group(key), (key, content)) for found, key, content in batch if found == kind]

    return op.flat_map_batch(step, events, select)


def _group(key: int | str) -> str:
    """Return the group of a key, the same in every process."""
    return str((key if isinstance(key, int) else crc32(key.encode())) % GROUPS)


def main() -> None:
    """Run the dataflow until the process is stopped."""
    options = read_arguments()
    flow = build_flow(options.servers, options.source, options.results)
    report_ready()
    cli_main(flow, epoch_interval=timedelta(seconds=10))


if __name__ == "__main__":
    main()
