"""Provisioning the topics of a pipeline definition: plan first, then create or alter; never delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import InvalidConfigurationError, InvalidReplicationFactorError, for_code

from infra.endpoints import KafkaEndpoint
from infra.errors import TerminalError, TopicDriftError, WaitTimeoutError
from infra.kafka.client import admin_client
from infra.pipeline import Topic
from infra.plan import Action, PlannedChange, compared
from infra.waiting import wait_until

LEADER_TIMEOUT_SECONDS = 30
_REJECTIONS = (InvalidConfigurationError, InvalidReplicationFactorError)


@dataclass(frozen=True)
class ExistingTopic:
    """A topic of the cluster; `options` are its topic-level options, defaults included."""

    partitions: int
    replication: int
    options: Mapping[str, str]


@dataclass(frozen=True)
class TopicPlan:
    """The changes to one topic; a field is None or empty if it requires no change.

    `drifts` are the differences that Kafka cannot alter.
    """

    name: str
    create: Topic | None = None
    partitions: int | None = None
    options: Mapping[str, str] | None = None
    reason: str = ""
    drifts: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.create:
            return f"{self.name}: created"
        return f"{self.name}: changed ({self.reason})" if self.partitions or self.options else f"{self.name}: unchanged"


def ensure_topics(endpoint: KafkaEndpoint, topics: Mapping[str, Topic]) -> list[TopicPlan]:
    """Create every missing topic, alter those that differ from the definition, and return the executed plans.

    Safe to repeat. TopicDriftError, before anything is changed, if a difference cannot be altered, and TerminalError
    if the broker rejects a topic or an option.
    """
    with admin_client(endpoint) as admin:
        plans = plan_topics(topics, describe_topics(admin, topics))
        for only_check in (True, False):  # nothing is created if a later topic is invalid
            _apply(admin, plans, only_check)
        wait_until(lambda: _all_led(admin, topics), f"the topics of {endpoint} to have leaders", LEADER_TIMEOUT_SECONDS)
    return plans


def preview_topics(endpoint: KafkaEndpoint, topics: Mapping[str, Topic]) -> list[PlannedChange]:
    """Return what `ensure_topics` would do with each topic, and change nothing.

    The broker checks each change, too, so that an option that it rejects is a refusal.
    """
    with admin_client(endpoint) as admin:
        plans = compare_topics(topics, describe_topics(admin, topics))
        return [compared("topic", plan.name, partial(_preview, admin, plan)) for plan in plans]


def _preview(admin: KafkaAdminClient, plan: TopicPlan) -> PlannedChange:
    _raise_drifts([plan])
    _apply(admin, [plan], only_check=True)
    if plan.create:
        options = ", ".join(f"{key} {value}" for key, value in plan.create.options().items())
        return PlannedChange("topic", plan.name, Action.CREATE, f"partitions {plan.create.partitions}, {options}")
    action = Action.CHANGE if plan.partitions or plan.options else Action.UNCHANGED
    return PlannedChange("topic", plan.name, action, plan.reason)


def describe_topics(admin: KafkaAdminClient, topics: Mapping[str, Topic]) -> dict[str, ExistingTopic]:
    """Return those of the topics that exist, by name."""
    existing = set(admin.list_topics()) & set(topics)
    if not existing:
        return {}
    options = _options(admin, {name: topics[name] for name in existing})
    return {
        found["name"]: ExistingTopic(
            len(found["partitions"]), min(len(p["replica_nodes"]) for p in found["partitions"]), options[found["name"]]
        )
        for found in admin.describe_topics(sorted(existing))
    }


def plan_topics(desired: Mapping[str, Topic], existing: Mapping[str, ExistingTopic]) -> list[TopicPlan]:
    """Return a plan for each desired topic; pure. TopicDriftError lists every difference that Kafka cannot alter."""
    plans = compare_topics(desired, existing)
    _raise_drifts(plans)
    return plans


def compare_topics(desired: Mapping[str, Topic], existing: Mapping[str, ExistingTopic]) -> list[TopicPlan]:
    """Return a plan for each desired topic, including those that cannot be carried out; pure."""
    return [_plan(name, topic, existing.get(name)) for name, topic in desired.items()]


def _raise_drifts(plans: Sequence[TopicPlan]) -> None:
    drifts = [drift for plan in plans for drift in plan.drifts]
    if drifts:
        raise TopicDriftError("\n".join(drifts))


def _drifts(name: str, topic: Topic, found: ExistingTopic) -> list[str]:
    drifts = []
    if topic.partitions < found.partitions:
        drifts.append(
            f"topic {name}: has {found.partitions} partitions. Expected {topic.partitions}, but Kafka cannot remove "
            f"partitions. Set partitions: {found.partitions} in pipeline.yaml, or recreate the topic by hand."
        )
    if topic.partitions > found.partitions and "compact" in (topic.cleanup_policy, found.options.get("cleanup.policy")):
        drifts.append(
            f"topic {name}: has {found.partitions} partitions. Expected {topic.partitions}, but in a compacted topic "
            "keys would move to other partitions, and their old records stay forever. Set partitions: "
            f"{found.partitions} in pipeline.yaml, or give the topic a new name: then deploy with start_from: scratch, "
            "and switch its readers."
        )
    if topic.replication and topic.replication != found.replication:
        drifts.append(
            f"topic {name}: has replication {found.replication}. Expected {topic.replication}, but replication cannot "
            "be altered in place. Reassign the partitions with kafka-reassign-partitions, or set "
            f"replication: {found.replication} in pipeline.yaml."
        )
    return drifts


def _plan(name: str, topic: Topic, found: ExistingTopic | None) -> TopicPlan:
    if found is None:
        return TopicPlan(name, create=topic)
    options = {key: value for key, value in topic.options().items() if found.options.get(key) != value}
    reasons = [f"{key} {found.options.get(key)} to {value}" for key, value in options.items()]
    partitions = topic.partitions if topic.partitions > found.partitions else None
    if partitions:
        reasons.insert(0, f"partitions {found.partitions} to {partitions}")
    drifts = tuple(_drifts(name, topic, found))
    return TopicPlan(name, partitions=partitions, options=options, reason=", ".join(reasons), drifts=drifts)


def _apply(admin: KafkaAdminClient, plans: list[TopicPlan], only_check: bool) -> None:
    """Carry out the plans, or only let client and broker check them; TerminalError names the topic that they reject."""
    for plan in plans:
        if plan.create:
            new = {plan.name: _creation(plan.create)}
            created = admin.create_topics(new, validate_only=only_check, raise_errors=False)["topics"][0]
            if created["error_code"]:
                error = for_code(created["error_code"])
                raise _rejected(plan.name, created["error_message"]) if error in _REJECTIONS else error(plan.name)
        try:
            if plan.partitions:
                admin.create_partitions({plan.name: plan.partitions}, validate_only=only_check)
            if plan.options:
                resource = ConfigResource(ConfigResourceType.TOPIC, plan.name, dict(plan.options))
                admin.alter_configs([resource], validate_only=only_check)
        except (ValueError, *_REJECTIONS) as error:  # the client validates the names of options with a ValueError
            raise _rejected(plan.name, str(error)) from None


def _rejected(name: str, reason: str) -> TerminalError:
    return TerminalError(
        f"topic {name}: was rejected: {reason.rstrip('.')}. Expected options of "
        "https://kafka.apache.org/documentation/#topicconfigs. Fix the topic in pipeline.yaml."
    )


def _creation(topic: Topic) -> dict[str, Any]:
    return {
        "num_partitions": topic.partitions,
        "replication_factor": topic.replication or -1,
        "configs": topic.options(),
    }


def _options(admin: KafkaAdminClient, topics: Mapping[str, Topic]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
    found = admin.describe_configs(resources, config_filter="all")["topic"]
    return {name: {key: str(data["value"]) for key, data in options.items()} for name, options in found.items()}


def _all_led(admin: KafkaAdminClient, topics: Mapping[str, Topic]) -> bool:
    """Return True once every partition has a leader, before which clients get errors; else WaitTimeoutError."""
    known = {found["name"]: found["partitions"] for found in admin.describe_topics(sorted(topics))}
    for name, topic in topics.items():
        led = sum(partition["leader_id"] >= 0 for partition in known.get(name, []))
        if led < topic.partitions:
            raise WaitTimeoutError(f"topic {name}: {led} of {topic.partitions} partitions have a leader")
    return True
