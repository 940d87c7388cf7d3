"""Two runs of the tier in one namespace: the second one ends at once and names the first."""

from __future__ import annotations

import json
import os
import re

import pytest

from tests.kubernetes import cluster, lock
from tests.kubernetes.conftest import KAFKA_PORT, MYSQL_PORT, NAMESPACE

ELSEWHERE = f"{NAMESPACE}-lock"


def test_second_run_is_rejected(platform: str) -> None:
    with pytest.raises(cluster.ClusterError) as caught, lock.only_run(NAMESPACE, (KAFKA_PORT, MYSQL_PORT)):
        pytest.fail("two runs in one namespace")
    assert re.fullmatch(
        rf"another run of the tier uses the namespace {NAMESPACE}: \S+@\S+ process {os.getpid()}, \d+ s ago\. "
        "Wait until it ends, or end it\\.",
        str(caught.value),
    )


def test_run_in_another_namespace_does_not_get_the_same_ports(platform: str) -> None:
    with pytest.raises(cluster.ClusterError) as caught, lock.only_run(ELSEWHERE, (KAFKA_PORT, MYSQL_PORT)):
        pytest.fail("two runs with the same ports")
    assert f"30092 by {NAMESPACE}/kafka-external" in str(caught.value)
    assert str(caught.value).endswith(". Delete these services, or use another cluster.")
    assert cluster.get_or_none(ELSEWHERE, "namespace", ELSEWHERE) is None


def test_namespace_of_a_dead_run_is_deleted(platform: str) -> None:
    cluster.create_namespace(ELSEWHERE)
    lock.renew(ELSEWHERE)
    assert str(os.getpid()) in str(lock.live_holder(ELSEWHERE))
    dead = {"spec": {"holderIdentity": f"{lock.here()} process {2**22 + 1}"}}  # larger than any process id
    cluster.kubectl(
        "--namespace", ELSEWHERE, "patch", "lease", lock.LEASE, "--type=merge", f"--patch={json.dumps(dead)}"
    )

    assert lock.live_holder(ELSEWHERE) is None
    with lock.only_run(ELSEWHERE, ()):
        assert str(os.getpid()) in str(lock.live_holder(ELSEWHERE))
    assert cluster.get_or_none(ELSEWHERE, "namespace", ELSEWHERE) is None
