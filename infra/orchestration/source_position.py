"""The position of a pipeline's source; a checked result is at least as new as it."""

from __future__ import annotations

from infra.endpoints import KafkaEndpoint
from infra.kafka.client import consumer
from infra.kafka.reader import partitions_of
from infra.mysql.connection import binlog_position, connect
from infra.orchestration.connections import mysql_endpoint
from infra.pipeline import Pipeline


def source_position(pipeline: Pipeline, kafka: KafkaEndpoint) -> str:
    """Return `<binlog file>:<position>`, or `<partition>@<end offset>` for each partition of a source topic."""
    if pipeline.source.mysql:
        with connect(mysql_endpoint(pipeline, "cdc")) as connection:
            return binlog_position(connection)
    with consumer(kafka) as client:
        ends = client.end_offsets(partitions_of(client, pipeline.kafka_source.topic))
    return ", ".join(f"{partition.partition}@{offset}" for partition, offset in sorted(ends.items()))
