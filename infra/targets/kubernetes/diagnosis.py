"""Why a job on Kubernetes will not come up by itself: named, with the remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.flink.cli import submit_failure
from infra.targets.kubernetes.api import KubernetesApi
from infra.targets.kubernetes.manifests import CONTAINER, REVISION_KEY

Manifest = dict[str, Any]
RESTARTS = 3
LOG_LINES = 1000
SHOWN_LINES = 60
RECENT_SECONDS = 120
_PULL = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CONFIG = ("CreateContainerConfigError", "CreateContainerError")
_TRACEBACK = "Traceback (most recent call last):"
# What a script prints is in the log twice: as it is, and as lines of the logger. With the last of these words begins
# what Flink says about its end.
_LOGGED = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:")
_AFTERMATH = "\njava.lang.RuntimeException: Python process exits with code"
_TOO_FAST = "Failed to start Python process"
_ENDED = re.compile(rf"{CONTAINER}\((?P<how>exitCode=\d+, reason=(?P<reason>\w+))")


@dataclass(frozen=True)
class Patience:
    """For how many seconds something may last that can still mend itself, such as a node that is being added."""

    unschedulable: float = 60
    untaken: float = 60


def pod_failure(
    api: KubernetesApi, name: str, revision: str | None, patience: Patience, applied: datetime
) -> str | None:
    """The first failure of the revision's pods that waiting does not mend; None while there is none."""
    pods = api.list("Pod", f"app={name},{REVISION_KEY}={revision}")
    for pod in pods:
        failure = _unschedulable(pod, api.now, patience) or _container_failure(api, pod)
        if failure:
            return f"pod {pod['metadata']['name']}: {failure}"
    return None if pods else _refused_pods(api, name, applied)


def worker_failure(api: KubernetesApi, name: str, revision: str | None) -> str | None:
    """Why one TaskManager after the other ends. Their pods are gone by then; the JobManager's log says how."""
    log = "\n".join(
        api.log(pod["metadata"]["name"], CONTAINER, LOG_LINES, since_seconds=RECENT_SECONDS)
        for pod in api.list("Pod", f"app={name},component=jobmanager,{REVISION_KEY}={revision}")
    )
    ends = list(_ENDED.finditer(log))
    if len(ends) < RESTARTS:
        return None
    if ends[-1]["reason"] == "OOMKilled":
        return f"its TaskManagers run out of memory ({ends[-1]['how']}); {_more_memory('taskmanager')}"
    return f"its TaskManagers keep ending ({ends[-1]['how']}); look at the events and logs of their pods"


def log_failure(api: KubernetesApi, name: str) -> str | None:
    """What the logs of the job's JobManagers say of a script that raised, or of another cause."""
    pods = api.list("Pod", f"app={name},component=jobmanager")
    logs = [api.log(pod["metadata"]["name"], CONTAINER, LOG_LINES) for pod in pods]
    return next((found for log in logs if (found := script_failure(log) or caused_by(log))), None)


def caused_by(log: str) -> str | None:
    """The innermost cause of a log's last Java stack trace."""
    causes = [line.strip().removeprefix("Caused by: ") for line in log.splitlines() if line.startswith("Caused by: ")]
    if causes and _TOO_FAST in causes[-1]:
        return f"{causes[-1]} The script ended before Flink read what it said: see whether Python can compile it"
    return causes[-1] if causes else None


def telling_lines(log: str) -> str:
    """The last lines of a log that say most: what a script raised, else the end without the frames of stacks."""
    said = _said_by_script(log)
    if said:
        return submit_failure(said)[1]
    lines = [line for line in log.splitlines() if not line.lstrip().startswith(("at ", "... "))]
    return "\n".join(lines[-SHOWN_LINES:])


def script_failure(log: str) -> str | None:
    """What a script raised, by a JobManager's log: its exception, or the innermost cause where Java raised it."""
    said = _said_by_script(log)
    return submit_failure(said)[0] if said else None


def _said_by_script(log: str) -> str | None:
    """The lines of a script that raised."""
    said = "\n".join(line for line in log.splitlines() if not _LOGGED.match(line)).partition(_AFTERMATH)[0]
    return said if _TRACEBACK in said else None


def _more_memory(component: str) -> str:
    return f"raise {component}_memory_mb of [kubernetes] in the settings"


def _refused_pods(api: KubernetesApi, name: str, applied: datetime) -> str | None:
    """A pod that nobody may create, such as by a quota or without its service account, is named by an event alone."""
    for event in api.events("FailedCreate"):
        at = event.get("lastTimestamp") or event.get("eventTime")
        if event["involvedObject"]["name"].startswith(name) and at and datetime.fromisoformat(at) > applied:
            return f"its pods are refused: {event['message']}; mend the quota, policy or service account that it names"
    return None


def _unschedulable(pod: Manifest, now: datetime, patience: Patience) -> str | None:
    for condition in pod["status"].get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            since = datetime.fromisoformat(condition["lastTransitionTime"])
            if (now - since).total_seconds() >= patience.unschedulable:
                message = condition.get("message", "")
                remedy = (
                    "install the chart, or set state_claim to a claim that is there and bound"
                    if "persistentvolumeclaim" in message.lower()
                    else "lower the memory or CPU of the jobs, or add a node"
                )
                return f"no node can take it: {message}; {remedy}"
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
        # A container that runs now may have ended long ago; one that ends again and again is made to wait.
        if reason == "CrashLoopBackOff":
            ended = container.get("lastState", {}).get("terminated", {}).get("reason")
            if ended == "OOMKilled":
                return f"it ran out of memory; {_more_memory('jobmanager')}"
            if container.get("restartCount", 0) >= RESTARTS:
                return f"it keeps ending: {_cause_in_log(api, pod['metadata']['name'])}"
    return None


def _cause_in_log(api: KubernetesApi, pod: str) -> str:
    log = api.log(pod, CONTAINER, LOG_LINES, previous=True)
    last = " / ".join([line.strip() for line in log.splitlines() if line.strip()][-3:])
    return script_failure(log) or caused_by(log) or last or "its log is empty"
