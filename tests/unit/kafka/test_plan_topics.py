"""Topic plans: the plan for every difference, and the errors for those that Kafka cannot alter."""

from __future__ import annotations

from typing import Any

import pytest

from infra.errors import TopicDriftError
from infra.kafka.topics import ExistingTopic, TopicPlan, plan_topics
from infra.pipeline import Topic

COMPACT = Topic(partitions=2, cleanup_policy="compact")
FOUND = ExistingTopic(partitions=2, replication=1, options={"cleanup.policy": "compact", "retention.ms": "604800000"})


def plan(topic: Topic, **found: object) -> TopicPlan:
    """Return the plan for one topic that exists."""
    existing = ExistingTopic(**{**vars(FOUND), **found})
    [planned] = plan_topics({"games.players": topic}, {"games.players": existing})
    return planned


def test_missing_topic_is_created() -> None:
    [planned] = plan_topics({"games.players": COMPACT}, {})

    assert planned == TopicPlan("games.players", create=COMPACT)
    assert str(planned) == "games.players: created"


def test_topic_that_equals_the_definition_is_unchanged() -> None:
    planned = plan(COMPACT)

    assert (planned.create, planned.partitions, planned.options) == (None, None, {})
    assert str(planned) == "games.players: unchanged"


def test_partitions_of_a_log_grow() -> None:
    topic = Topic(partitions=2, cleanup_policy="delete")
    planned = plan(topic, partitions=1, options=topic.options())

    assert (planned.partitions, planned.options) == (2, {})
    assert str(planned) == "games.players: changed (partitions 1 to 2)"


@pytest.mark.parametrize(("desired", "found"), [("compact", "compact"), ("compact", "delete"), ("delete", "compact")])
def test_partitions_of_a_compacted_topic_do_not_grow(desired: Any, found: str) -> None:
    topic = Topic(partitions=4, cleanup_policy=desired)

    with pytest.raises(TopicDriftError) as caught:
        plan(topic, options={"cleanup.policy": found})

    assert str(caught.value) == (
        "topic games.players: has 2 partitions. Expected 4, but in a compacted topic keys would move to other "
        "partitions, and their old records stay forever. Set partitions: 2 in pipeline.yaml, or give the topic a new "
        "name: then deploy with start_from: scratch, and switch its readers."
    )


def test_only_options_that_differ_are_altered() -> None:
    planned = plan(Topic(partitions=2, cleanup_policy="compact", retention="1d"))

    assert (planned.partitions, planned.options) == (None, {"retention.ms": "86400000"})
    assert str(planned) == "games.players: changed (retention.ms 604800000 to 86400000)"


def test_every_alteration_is_reported() -> None:
    topic = Topic(partitions=3, cleanup_policy="delete", retention="1d", config={"segment.bytes": "1048576"})
    planned = plan(topic, options={"cleanup.policy": "delete", "retention.ms": "604800000"})

    assert str(planned) == (
        "games.players: changed (partitions 2 to 3, segment.bytes None to 1048576, retention.ms 604800000 to 86400000)"
    )


def test_replication_that_is_not_defined_is_not_a_difference() -> None:
    assert str(plan(COMPACT, replication=3)) == "games.players: unchanged"


def test_other_topics_are_ignored() -> None:
    assert plan_topics({}, {"theirs": FOUND}) == []


def test_plans_are_in_the_order_of_the_definition() -> None:
    topics = {"b": COMPACT, "a": COMPACT, "c": COMPACT}

    assert [planned.name for planned in plan_topics(topics, {"a": FOUND})] == ["b", "a", "c"]


def test_every_drift_is_in_one_error() -> None:
    desired = {
        "games.players": COMPACT,
        "games.new": COMPACT,
        "games.copies": Topic(partitions=1, cleanup_policy="compact", replication=3),
    }
    existing = {"games.players": ExistingTopic(4, 1, {}), "games.copies": ExistingTopic(2, 1, {})}

    with pytest.raises(TopicDriftError) as caught:
        plan_topics(desired, existing)

    assert str(caught.value).splitlines() == [
        (
            "topic games.players: has 4 partitions. Expected 2, but Kafka cannot remove partitions. "
            "Set partitions: 4 in pipeline.yaml, or recreate the topic by hand."
        ),
        (
            "topic games.copies: has 2 partitions. Expected 1, but Kafka cannot remove partitions. "
            "Set partitions: 2 in pipeline.yaml, or recreate the topic by hand."
        ),
        (
            "topic games.copies: has replication 1. Expected 3, but replication cannot be altered in place. Reassign "
            "the partitions with kafka-reassign-partitions, or set replication: 1 in pipeline.yaml."
        ),
    ]
