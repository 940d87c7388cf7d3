"""A probe: a change of one row that is certain to change the top three, and the wait until the topic shows it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition

from infra.bench.stack import DATABASE
from infra.errors import WaitTimeoutError
from infra.kafka.client import consumer
from infra.mysql.connection import Connection, connect
from infra.pipeline import Pipeline
from infra.settings import Settings
from infra.stacks.local import stack as local_stack

# Higher than every score of the data, so that each probe changes the top three.
FIRST_SCORE = 1_000_000


class Probe:
    """Changes of the row with id 1, each with a higher score than all before, and a reader of the top three."""

    def __init__(self, connection: Connection, client: KafkaConsumer, first_score: int) -> None:
        self._connection = connection
        self._client = client
        self._score = first_score - 1

    def commit_change(self) -> float:
        """Commit the next change, and return the time of `time.perf_counter` after the commit."""
        self._score += 1
        with self._connection.cursor() as cursor:
            cursor.execute("UPDATE players SET score = %s WHERE id = 1", [self._score])
        self._connection.commit()
        return time.perf_counter()

    def await_result(self, seconds: float) -> float:
        """Wait until the topic has the last change, and return that time; WaitTimeoutError after `seconds`."""
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            for records in self._client.poll(timeout_ms=1000).values():
                if any(record.value and json.loads(record.value)["score"] == self._score for record in records):
                    return time.perf_counter()
        raise WaitTimeoutError(f"waited {seconds:.0f} s for the score {self._score} in the top three. Check the jobs.")


@contextmanager
def top_three_probe(settings: Settings, pipeline: Pipeline) -> Iterator[Probe]:
    """Yield a probe that reads the top three from the current end of the topic."""
    topic = TopicPartition(f"{pipeline.name}.top_athletes", 0)
    with (
        connect(local_stack.mysql_endpoint(settings, "owner", DATABASE)) as connection,
        consumer(local_stack.kafka_endpoint(settings), fetch_max_wait_ms=5) as client,
    ):
        client.assign([topic])
        client.seek_to_end(topic)
        client.position(topic)
        with connection.cursor() as cursor:
            cursor.execute("SELECT MAX(score) FROM players")
            [(highest,)] = cursor.fetchall()
        connection.commit()
        yield Probe(connection, client, max(FIRST_SCORE, highest + 1))
