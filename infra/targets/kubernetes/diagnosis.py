"""Why the pods of a job will not come up by themselves: named, with the remedy."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from infra.targets.kubernetes.api import KubernetesApi
from infra.targets.kubernetes.manifests import CONTAINER

Manifest = dict[str, Any]
UNSCHEDULABLE_SECONDS = 60
RESTARTS = 3
LOG_LINES = 400
_PULL = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CONFIG = ("CreateContainerConfigError", "CreateContainerError")
_TRACEBACK = re.compile(
    r"^Traceback \(most recent call last\):\n(?:.*\n)*?(?P<error>\w[\w.]*(?:Error|Exception): .*)$", re.MULTILINE
)


def pod_failure(api: KubernetesApi, name: str) -> str | None:
    """The first failure of the job's pods that waiting does not mend; None while there is none."""
    for pod in api.list("Pod", f"app={name}"):
        failure = _unschedulable(pod) or _container_failure(api, pod)
        if failure:
            return f"pod {pod['metadata']['name']}: {failure}"
    return None


def log_failure(api: KubernetesApi, name: str) -> str | None:
    """What the logs of the job's pods say of a script that raised, or of another cause."""
    logs = [api.log(pod["metadata"]["name"], CONTAINER, LOG_LINES) for pod in api.list("Pod", f"app={name}")]
    return next((found for log in logs if (found := script_failure(log) or caused_by(log))), None)


def caused_by(log: str) -> str | None:
    """The innermost cause of a log's last Java stack trace."""
    causes = [line.strip().removeprefix("Caused by: ") for line in log.splitlines() if line.startswith("Caused by: ")]
    return causes[-1] if causes else None


def script_failure(log: str) -> str | None:
    """The last Python traceback's error in a JobManager's log."""
    found = [match["error"] for match in _TRACEBACK.finditer(log)]
    return found[-1] if found else None


def _unschedulable(pod: Manifest) -> str | None:
    for condition in pod["status"].get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            since = datetime.fromisoformat(condition["lastTransitionTime"])
            if (datetime.now(UTC) - since).total_seconds() > UNSCHEDULABLE_SECONDS:
                return (
                    f"no node can take it: {condition.get('message')}; "
                    "lower the memory or CPU of the jobs, or add a node"
                )
    return None


def _container_failure(api: KubernetesApi, pod: Manifest) -> str | None:
    for container in pod["status"].get("containerStatuses", []):
        waiting = container["state"].get("waiting", {})
        reason, message = waiting.get("reason"), waiting.get("message", "")
        if reason in _PULL:
            return (
                f"image {container['image']} cannot be pulled: {message or reason}; build and push it (`make images`)"
            )
        if reason in _CONFIG:
            return f"its container cannot be made: {message or reason}; is the Secret or ConfigMap there that it names?"
        ended = container.get("lastState", {}).get("terminated") or container["state"].get("terminated") or {}
        if ended.get("reason") == "OOMKilled":
            return "it ran out of memory; raise the memory of the jobs"
        if container.get("restartCount", 0) >= RESTARTS:
            return f"it keeps ending: {_cause_in_log(api, pod['metadata']['name'])}"
    return None


def _cause_in_log(api: KubernetesApi, pod: str) -> str:
    log = api.log(pod, CONTAINER, LOG_LINES, previous=True)
    return script_failure(log) or caused_by(log) or "its log names no cause"
