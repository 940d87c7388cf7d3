"""One run of the tier at a time in a namespace: a Lease in it names the run, which renews it until it ends.

Creating a namespace succeeds for only one of two runs that start together. The namespace of a dead run is deleted.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psutil

from tests.kubernetes import cluster

LEASE = "test-run"
RENEW_SECONDS = 15
STALE_SECONDS = 60


@contextmanager
def only_run(namespace: str, ports: tuple[int, ...]) -> Iterator[None]:
    """Create the namespace and delete it at the end; ClusterError if another run has it or its NodePorts."""
    if live := live_holder(namespace):
        raise cluster.ClusterError(
            f"another run of the tier uses the namespace {namespace}: {live}. Wait until it ends, or end it."
        )
    cluster.delete_namespace(namespace)
    if used := ports_of_others(ports):
        raise cluster.ClusterError(
            f"NodePorts that the tier requires are in use: {', '.join(used)}. "
            "Delete these services, or use another cluster."
        )
    cluster.create_namespace(namespace)
    stop = threading.Event()
    renew(namespace)
    keeper = threading.Thread(target=_keep, args=(namespace, stop), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()
        cluster.delete_namespace(namespace)


def live_holder(namespace: str) -> str | None:
    """Return which run uses the namespace, and when it last renewed the Lease; None if no live run does."""
    lease = cluster.get_or_none(namespace, "lease", LEASE)
    if lease is None:
        found = cluster.get_or_none(namespace, "namespace", namespace)
        starts = found is not None and _age(found["metadata"]["creationTimestamp"]) < RENEW_SECONDS
        return "it is starting" if starts else None
    holder, age = lease["spec"]["holderIdentity"], _age(lease["spec"]["renewTime"])
    host, _, process = holder.rpartition(" process ")
    ended_here = host == here() and not psutil.pid_exists(int(process))
    return None if ended_here or age > STALE_SECONDS else f"{holder}, {age:.0f} s ago"


def ports_of_others(ports: tuple[int, ...]) -> list[str]:
    """Return the services that already have one of these NodePorts."""
    services: list[dict[str, Any]] = json.loads(
        cluster.kubectl("get", "services", "--all-namespaces", "--output", "json")
    )["items"]
    return [
        f"{port['nodePort']} by {service['metadata']['namespace']}/{service['metadata']['name']}"
        for service in services
        for port in service["spec"].get("ports", [])
        if port.get("nodePort") in ports
    ]


def renew(namespace: str) -> None:
    """Renew the Lease for this run."""
    holder = f"{here()} process {os.getpid()}"
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": LEASE, "namespace": namespace},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": STALE_SECONDS, "renewTime": now},
    }
    cluster.kubectl("apply", "--server-side", "--filename", "-", stdin=json.dumps(lease))


def here() -> str:
    """Return this user and this machine."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def _age(time: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()


def _keep(namespace: str, stop: threading.Event) -> None:
    while not stop.wait(RENEW_SECONDS):
        renew(namespace)
