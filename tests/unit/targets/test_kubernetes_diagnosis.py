"""Why a pod does not start, from what the API reports of a missing Secret."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from infra.targets.kubernetes.api import KubernetesApi
from infra.targets.kubernetes.diagnosis import Patience, pod_failure

Manifests = list[dict[str, Any]]
NOW = datetime(2026, 11, 26, tzinfo=UTC)


class Reported:
    """The answers of the API for one pod that waits for its volumes."""

    now = NOW

    def __init__(self, message: str, pod: str = "games-cdc-1") -> None:
        self._message, self._pod = message, pod

    def list(self, kind: str, selector: str) -> Manifests:
        assert (kind, selector) == ("Pod", "app=games-cdc,olympic-streaming/revision=1")
        waiting = {"waiting": {"reason": "ContainerCreating"}}
        container = {"name": "flink-main-container", "image": "flink", "state": waiting}
        return [{"metadata": {"name": "games-cdc-1"}, "status": {"containerStatuses": [container]}}]

    def events(self, reason: str) -> Manifests:
        assert reason == "FailedMount"
        return [{"involvedObject": {"name": self._pod}, "message": self._message}]


def failure(message: str, pod: str = "games-cdc-1") -> str | None:
    api = cast(KubernetesApi, Reported(message, pod))
    return pod_failure(api, "games-cdc", "1", Patience(), NOW)


@pytest.mark.parametrize(
    ("message", "fact"),
    [
        (
            'MountVolume.SetUp failed for volume "games-kafka" : secret "games-kafka" not found',
            'secret "games-kafka" not found',
        ),
        (
            'MountVolume.SetUp failed for volume "games-kafka" : references non-existent secret key: ca.crt',
            'volume "games-kafka" : references non-existent secret key: ca.crt',
        ),
    ],
)
def test_missing_secret_of_a_volume_is_named(message: str, fact: str) -> None:
    assert failure(message) == (
        f"pod games-cdc-1: its container cannot be created: {fact}. Create the Secret or ConfigMap that this names."
    )


def test_other_events_are_no_failure() -> None:
    assert failure('MountVolume.SetUp failed for volume "x" : timed out waiting for the condition') is None
    assert failure('secret "games-kafka" not found', pod="another") is None


def test_config_map_that_flink_creates_after_its_pod_is_no_failure() -> None:
    message = 'MountVolume.SetUp failed for volume "pod-template-volume" : configmap "pod-template-games-cdc" not found'
    assert failure(message) is None
