"""Quix Streams: streaming dataframes with state in RocksDB, connected by topics that change the key.

State belongs to the key of a message, so each change of the key goes through a topic: from ids to names, from names to
ids again for the duplicates, to nationalities, and from these to the rankings. It processes one message at a time, so
every change of a result is written. State is not copied to changelog topics, which would recover it.
"""

from __future__ import annotations

import logging
from bisect import insort
from collections.abc import Iterator
from typing import Any

from quixstreams import Application, State
from quixstreams.models import SerializationContext, Serializer, Topic
from quixstreams.state.rocksdb import RocksDBOptions

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
    loads,
    nationality_stats,
    read_arguments,
    read_record,
    report_ready,
    top_athlete,
)

# Topics between two dataframes: the kind of their key.
STEPS = ("name", "id", "nationality", "all")
# An event is (topic, key, value); a step parses the value of its events.
Event = tuple[str, bytes | None, bytes | None]


class EventValue(Serializer):
    """Writes the value of an event, None as a tombstone."""

    def __call__(self, event: Event, ctx: SerializationContext) -> bytes | None:  # noqa: ARG002, the interface
        """Return the bytes of the value."""
        return event[2]


def latest_row(value: bytes | None, key: bytes, _time: int, _headers: Any, state: State) -> Iterator[Event]:
    """Keep the row of an id, and tell the name before and the name after."""
    try:
        number, row = read_record(key, value)
    except InvalidRecordError as error:
        yield "quarantine", None, dumps({"reason": str(error)})
        return
    before = state.get("row")
    if row is None:
        state.delete("row")
    else:
        state.set("row", list(row))
    if before and (row is None or row.name != before[0]):
        yield "name", before[0].encode(), dumps([number, None])
    if row is not None:
        yield "name", row.name.encode(), dumps([number, list(row)])


def same_name(value: bytes, key: bytes, _time: int, _headers: Any, state: State) -> Iterator[Event]:
    """Keep the rows with one name: the lowest id is the athlete, the others are duplicates."""
    name, (number, row) = key.decode(), loads(value)
    rows = {int(other): Row(*found) for other, found in state.get("rows", {}).items()}
    old_first = min(rows, default=0)
    old, others = rows.get(old_first), rows.keys() - {old_first}
    if row is None:
        rows.pop(number, None)
    else:
        rows[number] = Row(*row)
    if rows:
        state.set("rows", {str(other): list(found) for other, found in rows.items()})
    else:
        state.delete("rows")
    first = min(rows, default=0)
    new = rows.get(first)
    if (old_first, old) != (first, new):
        yield athlete(name, first, new)
        if old is not None:
            yield "nationality", old.nationality.encode(), dumps([False, old.score, old_first, name])
        if new is not None:
            yield "nationality", new.nationality.encode(), dumps([True, new.score, first, name])
    remaining = rows.keys() - {first}
    for other in others - remaining:
        yield "id", str(other).encode(), dumps([name, None, first])
    for other in remaining if first != old_first else remaining & {number}:
        yield "id", str(other).encode(), dumps([name, list(rows[other]), first])


def duplicate_row(value: bytes, key: bytes, _time: int, _headers: Any, state: State) -> Iterator[Event]:
    """Keep the duplicate of an id: the name before and the name after report in any order, and only one has it."""
    name, row, kept_id = loads(value)
    found = state.get("names", {})
    found.pop(name, None)
    if row is not None:
        found[name] = [row, kept_id]
    if not found:
        state.delete("names")
        yield duplicate(int(key), None, kept_id)
        return
    state.set("names", found)
    row, kept_id = next(reversed(found.values()))
    yield duplicate(int(key), Row(*row), kept_id)


def nationality(value: bytes, key: bytes, _time: int, _headers: Any, state: State) -> Iterator[Event]:
    """Keep number and sum of a nationality, and its athletes by score: state has no order, but its keys are direct."""
    name, (is_added, score, changed_id, athlete_name) = key.decode(), loads(value)
    athletes, total = state.get("sums", [0, 0])
    sign = 1 if is_added else -1
    athletes, total = athletes + sign, total + sign * score
    scores, same = state.get("scores", []), state.get(f"score {score}", [])
    if is_added:
        insort(same, [changed_id, athlete_name])
    else:
        same.remove([changed_id, athlete_name])
    if is_added and len(same) == 1:
        insort(scores, score)
        state.set("scores", scores)
    elif not same:
        scores.remove(score)
        state.set("scores", scores)
    state.set("sums", [athletes, total])
    if same:
        state.set(f"score {score}", same)
    else:
        state.delete(f"score {score}")
    if not athletes:
        yield nationality_stats(name, None)
        yield "all", b"all", dumps([name, 0, 0, []])
        return
    leaders: list[Leader] = []
    for high in reversed(scores):
        leaders += [Leader(high, number, found, name) for number, found in state.get(f"score {high}", [])]
        if len(leaders) >= 3:
            break
    yield nationality_stats(name, Statistics(name, athletes, total, tuple(leaders[:3])))
    yield "all", b"all", dumps([name, athletes, total, [list(leader) for leader in leaders[:3]]])


def rankings(value: bytes, _key: bytes, _time: int, _headers: Any, state: State) -> Iterator[Event]:
    """Keep the statistics of all nationalities, which are few, and emit the rankings that have changed."""
    name, athletes, total, leaders = loads(value)
    found = state.get("sums", {})
    if athletes:
        found[name] = [athletes, total, leaders[0]]
    else:
        found.pop(name, None)
    state.set("sums", found)
    every = (Statistics(key, count, sum_, (Leader(*first),)) for key, (count, sum_, first) in found.items())
    best = min(every, key=by_average, default=None)
    output = best_nationality(best)
    if output[2] != state.get_bytes("best"):
        state.set_bytes("best", output[2] or b"")
        yield output
    all_leaders = state.get("leaders", {})
    if leaders == all_leaders.get(name):
        return
    all_leaders[name] = leaders
    state.set("leaders", all_leaders)
    top = sorted((Leader(*leader) for each in all_leaders.values() for leader in each), key=by_rank)[:3]
    old = [Leader(*leader) for leader in state.get("top", [])]
    state.set("top", [list(leader) for leader in top])
    for rank in range(3):
        was, now = (ranked[rank] if rank < len(ranked) else None for ranked in (old, top))
        if was != now:
            yield top_athlete(rank + 1, now)


def main() -> None:
    """Connect the dataframes, and run them until the process is stopped."""
    options = read_arguments()
    logging.getLogger("quixstreams").setLevel(logging.WARNING)
    application = Application(
        broker_address=options.servers,
        consumer_group=options.results,
        auto_offset_reset="earliest",
        state_dir=options.scratch,
        rocksdb_options=RocksDBOptions(dumps=dumps, loads=loads),
        producer_extra_config=PRODUCER,
        use_changelog_topics=False,
        loglevel="WARNING",
    )

    def topic(name: str) -> Topic:
        return application.topic(name, value_deserializer="bytes", value_serializer=EventValue())

    topics = {name: topic(f"{options.results}.{name}") for name in (*OUTPUTS, "quarantine", *STEPS)}
    steps = [
        (topic(options.source), latest_row),
        (topics["name"], same_name),
        (topics["id"], duplicate_row),
        (topics["nationality"], nationality),
        (topics["all"], rankings),
    ]
    for source, function in steps:
        events = application.dataframe(source).apply(function, stateful=True, expand=True, metadata=True)
        events.to_topic(lambda event, *_: topics[event[0]], key=lambda event: event[1])
    report_ready()
    application.run()


if __name__ == "__main__":
    main()
