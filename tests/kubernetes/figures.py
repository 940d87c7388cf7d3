"""The measurements of the tier, for the summary that pytest prints at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kubernetes import cluster

FIGURES: list[str] = []


def note(what: str, value: str) -> None:
    """Add a figure to the summary."""
    FIGURES.append(f"{what}: {value}")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Note the duration of the block, even if it fails."""
    begun = time.monotonic()
    try:
        yield
    finally:
        note(what, f"{time.monotonic() - begun:.1f} s")


def note_memory(namespace: str) -> dict[str, int]:
    """Note and return the working set of each pod in MiB, as the kubelets report it; no metrics server is required."""
    found: dict[str, int] = {}
    for node in cluster.get("default", "nodes")["items"]:
        path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
        for pod in json.loads(cluster.kubectl("get", "--raw", path))["pods"]:
            if pod["podRef"]["namespace"] == namespace:
                used = [part.get("memory", {}).get("workingSetBytes", 0) for part in pod.get("containers", [])]
                found[pod["podRef"]["name"]] = sum(used) // 2**20
    parts = [f"{name} {mebibytes}" for name, mebibytes in sorted(found.items()) if mebibytes]
    note("memory in MiB", f"{', '.join(parts)}; total {sum(found.values())}")
    return found


def note_privileges(namespace: str, account: str) -> None:
    """Note the privileges of an account, as `kubectl auth can-i --list` reports them, except those of every account."""
    user = f"--as=system:serviceaccount:{namespace}:{account}"
    lines = cluster.kubectl("--namespace", namespace, "auth", "can-i", "--list", user).splitlines()[1:]
    privileges = [" ".join(line.split()) for line in lines if not line.startswith((" ", "selfsubject"))]
    note(f"privileges of {account}", "".join(f"\n    {privilege}" for privilege in sorted(privileges)))
