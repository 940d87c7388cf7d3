"""Topics on a real broker: created and altered to match their definition, emptied, never deleted."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from infra.endpoints import KafkaEndpoint
from infra.errors import CheckFailedError, TerminalError, TopicDriftError, UnreachableError
from infra.kafka.client import admin_client, consumer, producer
from infra.kafka.emptying import empty_topics
from infra.kafka.reader import TableReader, partitions_of, read_tables
from infra.kafka.topics import ExistingTopic, describe_topics, ensure_topics, preview_topics
from infra.pipeline import Topic
from tests.local.conftest import Stack

COMPACT = Topic(partitions=2, cleanup_policy="compact")


@pytest.fixture
def name() -> str:
    """The name of a topic that no other test uses."""
    return f"games.{os.urandom(4).hex()}"


def ensured(stack: Stack, topics: dict[str, Topic]) -> list[str]:
    return [str(plan) for plan in ensure_topics(stack.kafka, topics)]


def described(stack: Stack, name: str) -> ExistingTopic:
    with admin_client(stack.kafka) as admin:
        return describe_topics(admin, {name: COMPACT})[name]


def test_created_then_unchanged(stack: Stack, name: str) -> None:
    topic = Topic(partitions=3, cleanup_policy="delete", retention="2h", config={"segment.bytes": "1048576"})

    assert ensured(stack, {name: topic}) == [f"{name}: created"]
    assert ensured(stack, {name: topic}) == [f"{name}: unchanged"]

    found = described(stack, name)
    assert (found.partitions, found.replication) == (3, 1)
    assert {key: found.options[key] for key in topic.options()} == topic.options()


def test_preview_shows_each_topic_and_changes_none(stack: Stack, name: str) -> None:
    ensured(stack, {name: COMPACT, f"{name}.same": COMPACT, f"{name}.log": COMPACT})
    desired = {
        f"{name}.new": COMPACT,
        f"{name}.same": COMPACT,
        f"{name}.log": Topic(partitions=2, cleanup_policy="compact", retention="1h"),
        name: Topic(partitions=3, cleanup_policy="compact"),
        f"{name}.wrong": Topic(partitions=1, cleanup_policy="delete", config={"segment.bytes": "few"}),
    }

    lines = [line for change in preview_topics(stack.kafka, desired) for line in change.lines()]

    with pytest.raises(TopicDriftError) as drift:
        ensure_topics(stack.kafka, {name: desired[name]})
    with pytest.raises(TerminalError) as rejection:
        ensure_topics(stack.kafka, {f"{name}.wrong": desired[f"{name}.wrong"]})
    assert lines == [
        f"+ topic {name}.new: partitions 2, cleanup.policy compact",
        f"= topic {name}.same",
        f"~ topic {name}.log: retention.ms 604800000 to 3600000",
        f"! {drift.value}",
        f"! {rejection.value}",
    ]
    with admin_client(stack.kafka) as admin:
        assert sorted(describe_topics(admin, desired)) == [name, f"{name}.log", f"{name}.same"]
    assert described(stack, f"{name}.log").options["retention.ms"] == "604800000"


def test_partitions_of_a_log_grow(stack: Stack, name: str) -> None:
    topic = Topic(partitions=2, cleanup_policy="delete")
    ensured(stack, {name: topic})
    desired = topic.model_copy(update={"partitions": 5})

    assert ensured(stack, {name: desired}) == [f"{name}: changed (partitions 2 to 5)"]
    assert described(stack, name).partitions == 5
    assert ensured(stack, {name: desired}) == [f"{name}: unchanged"]


def test_options_are_altered_and_others_are_kept(stack: Stack, name: str) -> None:
    ensured(stack, {name: Topic(partitions=1, cleanup_policy="delete", config={"segment.bytes": "1048576"})})
    desired = Topic(partitions=1, cleanup_policy="compact", retention="1h")

    assert ensured(stack, {name: desired}) == [
        f"{name}: changed (cleanup.policy delete to compact, retention.ms 604800000 to 3600000)"
    ]
    options = described(stack, name).options
    assert (options["cleanup.policy"], options["retention.ms"], options["segment.bytes"]) == (
        "compact",
        "3600000",
        "1048576",
    )


def test_drift_changes_nothing_of_any_topic(stack: Stack, name: str) -> None:
    ensured(stack, {name: COMPACT})
    desired = {f"{name}.new": COMPACT, name: Topic(partitions=1, cleanup_policy="delete")}

    with pytest.raises(TopicDriftError) as caught:
        ensured(stack, desired)

    assert str(caught.value) == (
        f"topic {name}: has 2 partitions. Expected 1, but Kafka cannot remove partitions. "
        "Set partitions: 2 in pipeline.yaml, or recreate the topic by hand."
    )
    assert described(stack, name).options["cleanup.policy"] == "compact"
    with admin_client(stack.kafka) as admin:
        assert f"{name}.new" not in admin.list_topics()


def test_compacted_topic_keeps_its_partitions(stack: Stack, name: str) -> None:
    ensured(stack, {name: COMPACT})

    with pytest.raises(TopicDriftError, match=r"Expected 5, but in a compacted topic keys would move"):
        ensured(stack, {name: COMPACT.model_copy(update={"partitions": 5})})

    assert described(stack, name).partitions == 2


def test_other_topics_are_not_altered(stack: Stack, name: str) -> None:
    ensured(stack, {name: COMPACT})

    ensured(stack, {f"{name}.other": COMPACT})

    assert described(stack, name).partitions == 2


def test_unknown_option_is_named(stack: Stack, name: str) -> None:
    ensured(stack, {name: COMPACT})

    with pytest.raises(TerminalError, match=r"retention\.mss"):
        ensured(stack, {name: COMPACT.model_copy(update={"config": {"retention.mss": "1"}})})


def test_unknown_option_does_not_create_the_topic(stack: Stack, name: str) -> None:
    with pytest.raises(TerminalError, match=r"retention\.mss"):
        ensured(stack, {name: COMPACT.model_copy(update={"config": {"retention.mss": "1"}})})

    with admin_client(stack.kafka) as admin:
        assert name not in admin.list_topics()


def test_more_replicas_than_brokers_is_an_error(stack: Stack, name: str) -> None:
    with pytest.raises(TerminalError, match=r"(?i)replication factor"):
        ensured(stack, {name: COMPACT.model_copy(update={"replication": 3})})


def test_unreachable_broker_is_reported_with_a_fix() -> None:
    with pytest.raises(UnreachableError) as caught:
        ensure_topics(KafkaEndpoint("127.0.0.1:1"), {"games.players": COMPACT})

    assert str(caught.value) == (
        "cannot reach kafka://127.0.0.1:1: 127.0.0.1:1: [Errno 111] Connection refused. "
        "Check that the broker is running (`make status`), and that the connection is correct."
    )


def test_address_without_a_port_is_named() -> None:
    with pytest.raises(TerminalError) as caught:
        ensure_topics(KafkaEndpoint("broker"), {"games.players": COMPACT})

    assert str(caught.value) == "kafka://broker: 'broker' is not host:port. Fix the connection's host and port."


def test_one_reachable_broker_is_sufficient(stack: Stack, name: str) -> None:
    endpoint = KafkaEndpoint(f"127.0.0.1:1,{stack.kafka.bootstrap_servers}")

    assert [str(plan) for plan in ensure_topics(endpoint, {name: COMPACT})] == [f"{name}: created"]


def written(stack: Stack, name: str, *records: tuple[bytes, bytes | None]) -> None:
    with producer(stack.kafka) as sender:
        for key, value in records:
            sender.send(name, key=key, value=value)


def test_topic_is_folded_to_its_last_values_and_can_be_emptied(stack: Stack, name: str) -> None:
    topics = {name: COMPACT, f"{name}.empty": COMPACT}
    ensured(stack, topics)
    written(stack, name, (b"1", b'{"id": 1}'), (b"2", b'{"id": 2}'), (b"1", b'{"id": 7}'), (b"2", None))
    before = described(stack, name)

    assert read_tables(stack.kafka, [name]) == {name: [{"id": 7}]}
    assert empty_topics(stack.kafka, topics) == {name: 4}
    assert read_tables(stack.kafka, [name]) == {name: []}
    assert empty_topics(stack.kafka, topics) == {}
    assert described(stack, name) == before


def test_emptied_topic_continues_its_offsets(stack: Stack, name: str) -> None:
    topic = COMPACT.model_copy(update={"partitions": 1})
    ensured(stack, {name: topic})
    written(stack, name, (b"1", b"{}"), (b"2", b"{}"))
    empty_topics(stack.kafka, {name: topic})
    written(stack, name, (b"3", b"{}"))

    with consumer(stack.kafka) as client:
        partitions = partitions_of(client, name)
        assert (client.beginning_offsets(partitions), client.end_offsets(partitions)) == (
            {partitions[0]: 2},
            {partitions[0]: 3},
        )


def test_reader_notices_that_a_topic_was_emptied(stack: Stack, name: str) -> None:
    ensured(stack, {name: COMPACT})
    written(stack, name, (b"1", b'{"id": 1}'), (b"2", b'{"id": 2}'))
    with consumer(stack.kafka) as client:
        reader = TableReader(client, [name])
        assert (reader.refresh(), reader.refresh()) == (2, 0)
        empty_topics(stack.kafka, {name: COMPACT})
        assert (reader.refresh(), reader.values(name)) == (1, [])
        written(stack, name, (b"2", b'{"id": 9}'))
        assert (reader.refresh(), reader.values(name)) == (1, [{"id": 9}])
        assert reader.refresh() == 0


def test_policy_is_restored_if_the_deletion_fails(stack: Stack, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        assert described(stack, name).options["cleanup.policy"] == "compact,delete"
        raise TerminalError("not today")

    ensured(stack, {name: COMPACT})
    written(stack, name, (b"1", b"{}"))
    monkeypatch.setattr(KafkaAdminClient, "delete_records", fails)

    with pytest.raises(TerminalError, match="not today"):
        empty_topics(stack.kafka, {name: COMPACT})

    assert described(stack, name).options["cleanup.policy"] == "compact"


@pytest.mark.parametrize("repair", [ensure_topics, empty_topics])
def test_policy_of_a_killed_run_is_restored(stack: Stack, name: str, repair: Callable[..., object]) -> None:
    """A killed run leaves the topic as this one is created."""
    ensured(stack, {name: COMPACT})
    with admin_client(stack.kafka) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"cleanup.policy": "compact,delete"})])

    repair(stack.kafka, {name: COMPACT})

    assert described(stack, name).options["cleanup.policy"] == "compact"


def test_missing_topic_cannot_be_emptied(stack: Stack, name: str) -> None:
    with pytest.raises(CheckFailedError, match=f"topic {name} does not exist"):
        empty_topics(stack.kafka, {name: COMPACT})


def test_a_job_without_compacted_topics_empties_nothing() -> None:
    assert empty_topics(KafkaEndpoint("127.0.0.1:1"), {}) == {}
