"""Emptying compacted topics: all of their records are deleted at once, without reading any.

DeleteRecords keeps the topic and its offsets. A recreated topic would count from 0 again, so that quarantined records,
which name their origin by offset, would refer to other records, and a running reader would skip records silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import BrokerResponseError, PolicyViolationError

from infra.endpoints import KafkaEndpoint
from infra.errors import UnreachableError
from infra.kafka.client import admin_client, consumer
from infra.kafka.reader import partitions_of
from infra.kafka.topics import describe_topics
from infra.pipeline import Topic
from infra.waiting import wait_until

POLICY = "cleanup.policy"
# A broker rejects DeleteRecords on a topic that is only compacted. In the moment of the deletion the topic is both.
DELETABLE = "compact,delete"
DELETE_TIMEOUT_SECONDS = 30


def empty_topics(endpoint: KafkaEndpoint, topics: Mapping[str, Topic]) -> dict[str, int]:
    """Delete every record of the compacted topics, and return how many offsets each non-empty one had.

    The number is an upper bound of the records, since compaction leaves gaps. A topic keeps its id, its configuration
    and its end offsets; its beginning offsets move to them. Compaction alone never moves them, so a reader that
    resumes from remembered offsets remembers the beginning offsets too, and starts again if they have changed.

    Safe to repeat: a run that was killed leaves the cleanup policy `compact,delete`, which the next one and
    `ensure_topics` set back. If every replica of a partition crashes before it has stored the new beginning
    offsets (within log.flush.start.offset.checkpoint.interval.ms), the deleted records exist again.
    """
    if not topics:
        return {}
    with admin_client(endpoint) as admin, consumer(endpoint) as client:
        found = describe_topics(admin, topics)
        sizes = _sizes(client, topics)
        filled = {name for name, ends in sizes.items() if ends}
        altered = {name for name in filled if found[name].options[POLICY] == topics[name].cleanup_policy}
        to_restore = altered | {name for name in topics if found[name].options[POLICY] == DELETABLE}
        try:
            _set_policies(admin, dict.fromkeys(altered, DELETABLE))
            if filled:
                ends = {partition: end for name in filled for partition, (_, end) in sizes[name].items()}
                wait_until(lambda: _delete(admin, ends), f"{endpoint} to delete records", DELETE_TIMEOUT_SECONDS)
        finally:
            _set_policies(admin, {name: topics[name].cleanup_policy for name in to_restore})
    return {name: sum(end - first for first, end in sizes[name].values()) for name in topics if name in filled}


def _sizes(client: KafkaConsumer, topics: Iterable[str]) -> dict[str, dict[TopicPartition, tuple[int, int]]]:
    """Return the beginning and end offsets of each topic's partitions, without the empty partitions."""
    partitions = {name: partitions_of(client, name) for name in topics}
    every = [partition for of_topic in partitions.values() for partition in of_topic]
    firsts, ends = client.beginning_offsets(every), client.end_offsets(every)
    return {
        name: {one: (firsts[one], ends[one]) for one in of_topic if firsts[one] < ends[one]}
        for name, of_topic in partitions.items()
    }


def _delete(admin: KafkaAdminClient, ends: dict[TopicPartition, int]) -> bool:
    """Delete the records before the offsets; UnreachableError until the partition leaders know the changed policy."""
    try:
        admin.delete_records(ends)
    except PolicyViolationError as error:
        raise UnreachableError(str(error)) from error
    except BrokerResponseError as error:  # of several partitions; it has their errors only as text
        if PolicyViolationError.__name__ not in str(error):
            raise
        raise UnreachableError(str(error)) from error
    return True


def _set_policies(admin: KafkaAdminClient, policies: Mapping[str, str]) -> None:
    if policies:
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, {POLICY: policy}) for name, policy in policies.items()]
        )
