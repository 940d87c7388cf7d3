"""The savepoints of a job as FlinkStateSnapshots, which operators create from 1.10 on, and which outlive the job."""

from __future__ import annotations

from infra.targets.kubernetes.api import KubernetesApi, Manifest, Manifests

KIND = "FlinkStateSnapshot"


def snapshots_of(api: KubernetesApi, name: str) -> Manifests:
    """Return the snapshots of the FlinkDeployment `name`; none if the cluster does not have the custom resource.

    The operator labels them only later, so the reference decides.
    """
    if KIND not in api.flink_kinds():
        return []
    return [item for item in api.list(KIND) if (item["spec"].get("jobReference") or {}).get("name") == name]


def delete_snapshots(api: KubernetesApi, snapshots: Manifests) -> None:
    """Request the deletion of the snapshots; the files of their savepoints stay.

    The operator disposes of files by a running job only. Without one it would keep a snapshot forever.
    """
    for snapshot in snapshots:
        if _disposes(snapshot):
            change: Manifest = {"spec": {"savepoint": {"disposeOnDelete": False}}}
            api.patch(KIND, snapshot["metadata"]["name"], change, missing_ok=True)
        api.delete(KIND, snapshot["metadata"]["name"])


def _disposes(snapshot: Manifest) -> bool:
    savepoint = snapshot["spec"].get("savepoint")
    return savepoint is not None and savepoint.get("disposeOnDelete") is not False  # the operator's default is true
