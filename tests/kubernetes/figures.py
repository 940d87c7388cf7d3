"""What the tier measured and saw, for the summary that pytest prints at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kubernetes import cluster

FIGURES: list[str] = []


def note(what: str, value: str) -> None:
    FIGURES.append(f"{what}: {value}")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Notes how long the block took, whatever becomes of it."""
    begun = time.monotonic()
    try:
        yield
    finally:
        note(what, f"{time.monotonic() - begun:.1f} s")


def note_memory(namespace: str) -> dict[str, int]:
    """Working set of each pod in MiB, as the kubelets count it; there may be no metrics server."""
    found: dict[str, int] = {}
    for node in cluster.get("default", "nodes")["items"]:
        path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
        for pod in json.loads(cluster.kubectl("get", "--raw", path))["pods"]:
            if pod["podRef"]["namespace"] == namespace:
                used = [part.get("memory", {}).get("workingSetBytes", 0) for part in pod.get("containers", [])]
                found[pod["podRef"]["name"]] = sum(used) // 2**20
    parts = [f"{name} {mebibytes}" for name, mebibytes in sorted(found.items()) if mebibytes]
    note("memory in MiB", f"{', '.join(parts)}; all together {sum(found.values())}")
    return found


def note_rights(namespace: str, account: str) -> None:
    """`kubectl auth can-i --list` as the cluster itself answers it; what every account may is left out."""
    user = f"--as=system:serviceaccount:{namespace}:{account}"
    lines = cluster.kubectl("--namespace", namespace, "auth", "can-i", "--list", user).splitlines()[1:]
    rights = [" ".join(line.split()) for line in lines if not line.startswith((" ", "selfsubject"))]
    note(f"rights of {account}", "".join(f"\n    {right}" for right in sorted(rights)))
