"""Throughput, topic to last result: each contestant reads the same topic from its beginning and writes every result.

The time begins when the process is ready, and ends with the last result record, by the broker's clock: the result
topics have the time of appending. A contestant whose results are wrong gets no figure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from infra.bench.changelog import changes, last_rows, write_changelog, write_rows
from infra.bench.contestants import Contestant, Place, Running
from infra.bench.sizes import Sizes
from infra.bench.stack import measured_pipeline, say, with_settings
from infra.bench.verify import Verifier, fold_topic
from infra.endpoints import KafkaEndpoint
from infra.errors import CheckFailedError, JobFailedError, PlatformError, SetupError, WaitTimeoutError
from infra.kafka.client import admin_client, consumer
from infra.kafka.reader import partitions_of
from infra.kafka.topics import ensure_topics
from infra.pipeline import Pipeline, Topic
from infra.settings import Settings
from infra.stacks.local import stack as local_stack
from infra.waiting import wait_until

BEGIN_SECONDS = 120
# A contestant that is slower is stopped, or left out of larger sizes, and gets no figure.
SLOWEST_RATE, LIMIT_SECONDS = 10_000, 120
POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Throughput:
    """The result of one contestant for one size: seconds if all its results are right, else the reason."""

    contestant: str
    title: str
    records: int
    seconds: float | None
    result_records: int = 0
    reason: str = ""
    is_excused: bool = False  # it cannot be installed here, or is too slow for this size

    @property
    def rate(self) -> float | None:
        """Records of the source per second."""
        return self.records / self.seconds if self.seconds else None

    def __str__(self) -> str:
        if self.rate is None or self.seconds is None:
            return f"{self.title}, {self.records:,} records: no figure: {self.reason}"
        results = f", {self.result_records:,} result records" if self.result_records else ""
        return f"{self.title}, {self.records:,} records: {self.rate:,.0f} records/s ({self.seconds:.1f} s{results})"


def too_slow(contestant: Contestant, records: int, before: Iterable[Throughput]) -> Throughput | None:
    """Return a result without a figure if smaller sizes show that the contestant is too slow for this one."""
    for found in before:
        if found.contestant == contestant.name and found.records < records and (found.rate or 0) < SLOWEST_RATE:
            reason = f"left out: with {found.records:,} records it did not reach {SLOWEST_RATE:,} records/s"
            return Throughput(contestant.name, contestant.title, records, None, reason=reason, is_excused=True)
    return None


def measure_throughput(
    settings: Settings, chosen: Iterable[Contestant], records: int, sizes: Sizes, scratch: Path
) -> Iterator[Throughput]:
    """Measure every contestant with a changelog of that many records, and yield each result when it is known."""
    pipeline, kafka = measured_pipeline(), local_stack.kafka_endpoint(settings)
    scratch = scratch / f"throughput-{records}"
    scratch.mkdir()
    source = f"bench.players-{records}"
    # Not compacted, so that every contestant reads the same records.
    ensure_topics(kafka, {source: Topic(partitions=4, cleanup_policy="delete")})
    write_changelog(kafka.bootstrap_servers, source, records, say)
    rows = last_rows(changes(records))
    write_rows(rows, scratch / "rows.csv")
    with Verifier(pipeline, scratch / "rows.csv", scratch) as verifier:
        say(f"{source}: {records:,} records, {len(rows):,} rows, {verifier.rows():,} expected results")
        del rows
        for different, group in groupby(chosen, lambda contestant: contestant.settings):
            changed = with_settings(settings, different)
            local_stack.up(changed, _say_change)

            def measured(contestant: Contestant, changed: Settings = changed) -> Throughput:
                place = Place(changed, source, f"bench.{contestant.name}-{records}", scratch)
                return _measure(contestant, place, pipeline, verifier, records, sizes.quiet_seconds)

            for found in _mapped(measured, group, sizes.contestants):
                say(str(found))
                yield found
    local_stack.up(settings, _say_change)
    _delete_topics(kafka, source)


def _mapped(
    measured: Callable[[Contestant], Throughput], contestants: Iterable[Contestant], at_once: int
) -> Iterator[Throughput]:
    """Yield the result of each contestant in their order, of which `at_once` run at the same time."""
    if at_once == 1:
        yield from map(measured, contestants)
    else:
        with ThreadPoolExecutor(at_once) as executor:
            yield from executor.map(measured, contestants)


def _say_change(line: str) -> None:
    if not line.endswith("unchanged"):
        say(line)


def _measure(
    contestant: Contestant,
    place: Place,
    pipeline: Pipeline,
    verifier: Verifier,
    records: int,
    quiet_seconds: Sequence[float],
) -> Throughput:
    kafka = local_stack.kafka_endpoint(place.settings)
    topics = _result_topics(pipeline, place.results)
    ensure_topics(kafka, topics)
    running = None
    try:
        running = contestant.start(place)
        begun = wait_until(lambda: _begun(running), f"{contestant.title} to start", BEGIN_SECONDS, 0.1)
        if not contestant.verified:
            seconds = _await_end(running, records) - begun
            return Throughput(contestant.name, contestant.title, records, seconds)
        watch = {f"{place.results}.{output}": topics[f"{place.results}.{output}"] for output in verifier.outputs}
        return _await_results(contestant, running, kafka, watch, verifier, records, begun, quiet_seconds)
    except PlatformError as error:
        excused = isinstance(error, (SetupError, WaitTimeoutError))
        return Throughput(contestant.name, contestant.title, records, None, reason=str(error), is_excused=excused)
    finally:
        if running:
            running.stop()
        _delete_topics(kafka, place.results)


def _result_topics(pipeline: Pipeline, prefix: str) -> dict[str, Topic]:
    """Return the pipeline's result topics under another prefix, with the time of appending in each record."""
    return {
        f"{prefix}.{name.removeprefix(f'{pipeline.name}.')}": topic.model_copy(
            update={"config": {**topic.config, "message.timestamp.type": "LogAppendTime"}}
        )
        for name, topic in pipeline.topics.items()
        if name in pipeline.jobs["analytics"].writes
    }


def _begun(running: Running | None) -> float | None:
    assert running is not None  # noqa: S101, for the type checker
    failure = running.failure()
    if failure:
        raise JobFailedError(failure)
    return running.begun_at()


def _await_end(running: Running, records: int) -> float:
    """Wait until a bounded contestant has ended, and return the time."""

    def ended() -> float | None:
        failure = running.failure()
        if failure:
            raise JobFailedError(failure)
        return running.finished_at()

    return wait_until(ended, "the end of the topic", records / SLOWEST_RATE + LIMIT_SECONDS, POLL_SECONDS)


def _await_results(
    contestant: Contestant,
    running: Running,
    kafka: KafkaEndpoint,
    topics: dict[str, Topic],
    verifier: Verifier,
    records: int,
    begun: float,
    quiet_seconds: Sequence[float],
) -> Throughput:
    """Wait until the result topics stop growing with the expected results; CheckFailedError if they differ."""
    deadline = time.monotonic() + records / SLOWEST_RATE + LIMIT_SECONDS
    differences: list[str] = []
    for quiet in quiet_seconds:
        _await_quiet(running, kafka, list(topics), quiet, deadline)
        folded = {
            name.rpartition(".")[2]: fold_topic(kafka.bootstrap_servers, name, topic.partitions)
            for name, topic in topics.items()
        }
        differences = verifier.differences({output: fold.values for output, fold in folded.items()})
        if not differences:
            count = sum(fold.records for fold in folded.values())
            seconds = max(fold.last_at for fold in folded.values()) - begun
            return Throughput(contestant.name, contestant.title, records, seconds, count)
    raise CheckFailedError("its results are wrong: " + "; ".join(differences))


def _await_quiet(running: Running, kafka: KafkaEndpoint, topics: list[str], quiet: float, deadline: float) -> None:
    """Wait until the topics have records, and no new ones for `quiet` seconds."""
    with consumer(kafka) as client:
        partitions = [partition for topic in topics for partition in partitions_of(client, topic)]
        before, since = 0, time.monotonic()
        while True:
            failure = running.failure()
            if failure:
                raise JobFailedError(failure)
            written = sum(client.end_offsets(partitions).values())
            now = time.monotonic()
            if written != before:
                before, since = written, now
            if written and now - since >= quiet:
                return
            if now >= deadline:
                raise WaitTimeoutError(f"it was stopped before its end, with {written:,} result records")
            time.sleep(POLL_SECONDS)


def _delete_topics(kafka: KafkaEndpoint, prefix: str) -> None:
    """Delete a contestant's topics, which include those that it has created itself."""
    with admin_client(kafka) as admin:
        names = [name for name in admin.list_topics() if prefix in name]
        if names:
            admin.delete_topics(names)
