"""The lag of a consumer group."""

from __future__ import annotations

from infra.endpoints import KafkaEndpoint
from infra.kafka.client import admin_client, consumer


def group_lag(endpoint: KafkaEndpoint, group: str) -> dict[str, int]:
    """Return the records between the group's committed and end offsets, by topic; empty without committed offsets."""
    with admin_client(endpoint) as admin:
        committed = admin.list_group_offsets({group: None})[group]
    with consumer(endpoint) as client:
        ends = client.end_offsets(list(committed))
    lag: dict[str, int] = {}
    for partition, offset in committed.items():
        lag[partition.topic] = lag.get(partition.topic, 0) + max(0, ends[partition] - offset.offset)
    return lag
