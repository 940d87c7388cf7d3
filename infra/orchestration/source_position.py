"""The position of a pipeline's source, and the changes before it that no job sees."""

from __future__ import annotations

from infra.endpoints import KafkaEndpoint
from infra.errors import PlatformError
from infra.kafka.client import consumer
from infra.kafka.reader import partitions_of
from infra.mysql.binlog import find_compressed_transaction
from infra.mysql.connection import binlog_position, connect
from infra.orchestration.connections import mysql_endpoint
from infra.pipeline import Pipeline

_COMPRESSED = (
    "The binlog has a compressed transaction at {position}, and the CDC connector skips these without an error. "
    "A session has set binlog_transaction_compression. Set it to OFF there, then deploy with the param "
    '{{"start_from": "scratch"}}.'
)


def source_position(pipeline: Pipeline, kafka: KafkaEndpoint) -> str:
    """Return the position; a result that is checked afterwards is at least as new as it.

    It is `<binlog file>:<position>`, or `<partition>@<end offset>` for each partition of a source topic.
    """
    if pipeline.source.mysql:
        with connect(mysql_endpoint(pipeline, "cdc")) as connection:
            return binlog_position(connection)
    with consumer(kafka) as client:
        ends = client.end_offsets(partitions_of(client, pipeline.kafka_source.topic))
    return ", ".join(f"{partition.partition}@{offset}" for partition, offset in sorted(ends.items()))


def lost_changes(pipeline: Pipeline) -> list[str]:
    """Return a line if the source has changes that the CDC connector skips, for the message of a failed check.

    A binlog that cannot be searched is a line with the reason, because that is not the failure to report.
    """
    if pipeline.source.mysql is None:
        return []
    try:
        with connect(mysql_endpoint(pipeline, "cdc")) as connection:
            position = find_compressed_transaction(connection)
    except PlatformError as error:
        return [f"the binlog was not searched for compressed transactions: {error}"]
    return [_COMPRESSED.format(position=position)] if position else []
