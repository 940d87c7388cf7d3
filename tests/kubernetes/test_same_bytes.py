"""The local stack and the cluster write the same bytes for the same rows."""

from __future__ import annotations

import random

from infra.endpoints import KafkaEndpoint
from infra.kafka.client import consumer
from infra.kafka.reader import TableReader
from infra.pipeline import Pipeline
from tests.kubernetes.conftest import Cluster
from tests.local.conftest import Stack
from tests.local.olympics.conftest import Deployment

NAMES = ("Alex", "Zoë", "李", "O'Hara", 'She said "no"', "back\\\\slash", "emoji 🏅", "Max")
NATIONS = ("Austria", "Côte d'Ivoire", "US", "日本")
ROWS = 300


def statements() -> list[str]:
    """Return statements that fill the table with rows from a fixed seed, including duplicates and ties."""
    draw = random.Random(1896)
    names, nations = ([value.replace("'", "''") for value in values] for values in (NAMES, NATIONS))
    rows = ", ".join(
        f"({number}, '{draw.choice(names)} {draw.randrange(40)}', '{draw.choice(nations)}', {draw.randrange(12)})"
        for number in range(1, ROWS + 1)
    )
    return ["DELETE FROM players", f"INSERT INTO players VALUES {rows}"]


def records(kafka: KafkaEndpoint, pipeline: Pipeline) -> dict[str, list[tuple[bytes, bytes]]]:
    """Return key and value of the current record of each key, as they are in Kafka, sorted."""
    with consumer(kafka) as client:
        reader = TableReader(client, pipeline.checks, pipeline.quarantine)
        reader.refresh()
        return {topic: sorted(table.items()) for topic, table in reader.tables.items()}


def test_local_and_kubernetes_write_the_same_bytes(deployed: Cluster, stack: Stack) -> None:
    local = Deployment(stack, deployed.pipeline)
    local.run()
    for deployment in (local, deployed):
        deployment.execute(*statements())
    local.await_agreement()
    deployed.await_agreement()

    here, there = records(stack.kafka, deployed.pipeline), records(deployed.kafka, deployed.pipeline)

    assert here == there
    assert set(here) == set(deployed.pipeline.checks)
    assert len(here["olympics.players"]) == ROWS
