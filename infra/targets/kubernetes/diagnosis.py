"""Reasons why a job on Kubernetes will not start without help, each with its fix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.flink.cli import TRACEBACK, submit_failure
from infra.targets.kubernetes.api import KubernetesApi
from infra.targets.kubernetes.manifests import CONTAINER, REVISION_KEY

Manifest = dict[str, Any]
RESTARTS = 3
LOG_LINES = 1000  # of a pod, read to find a cause
SHOWN_LINES = 60  # of these, shown to a person
RECENT_SECONDS = 120
HEAP_FULL_EXIT_CODE = 3  # of -XX:+ExitOnOutOfMemoryError
_PULL = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CONFIG = ("CreateContainerConfigError", "CreateContainerError")
_CREATING = "ContainerCreating"
# Only Secrets: Flink creates its own ConfigMaps after the pod that mounts them, so a missing one is soon there.
_MISSING = re.compile(r'secret "[^"]+" not found|volume "[^"]+" : references non-existent secret key: \S+')
# The output of a script is in the log twice: as it is, and as lines of the logger. Flink's report of the end of the
# script starts with _AFTERMATH.
_LOGGED = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:")
_AFTERMATH = "\njava.lang.RuntimeException: Python process exits with code"
_TOO_FAST = "Failed to start Python process"
_ENDED = re.compile(rf"{CONTAINER}\((?P<how>exitCode=(?P<code>\d+), reason=(?P<reason>\w+))")


@dataclass(frozen=True)
class Patience:
    """Seconds for which a state is tolerated that can end without help, such as while a node is being added."""

    unschedulable: float = 60
    unreconciled: float = 60


def pod_failure(
    api: KubernetesApi, name: str, revision: str | None, patience: Patience, applied: datetime
) -> str | None:
    """Return the first failure of the revision's pods that waiting will not fix; None if there is none."""
    pods = api.list("Pod", f"app={name},{REVISION_KEY}={revision}")
    for pod in pods:
        failure = _unschedulable(pod, api.now, patience) or _container_failure(api, pod)
        if failure:
            return f"pod {pod['metadata']['name']}: {failure}"
    return None if pods else _rejected_pods(api, name, applied)


def worker_log(api: KubernetesApi, name: str, revision: str | None, applied: datetime) -> str:
    """Return what the JobManager has logged recently, and since the resource was applied.

    The pods of TaskManagers that ended no longer exist, so the exit codes come from here.
    """
    age = int((api.now - applied).total_seconds()) + 1
    return "\n".join(
        api.log(pod["metadata"]["name"], CONTAINER, LOG_LINES, since_seconds=max(1, min(RECENT_SECONDS, age)))
        for pod in api.list("Pod", f"app={name},component=jobmanager,{REVISION_KEY}={revision}")
    )


def out_of_memory(log: str) -> str | None:
    """Return how the last TaskManager ended if it ran out of memory; None if it ended for another reason or not."""
    ends = list(_ENDED.finditer(log))
    if ends and (ends[-1]["reason"] == "OOMKilled" or int(ends[-1]["code"]) == HEAP_FULL_EXIT_CODE):
        return f"its TaskManager ended ({ends[-1]['how']})"
    return None


def worker_failure(log: str) -> str | None:
    """Return why one TaskManager after the other ends; None if they do not."""
    ends = list(_ENDED.finditer(log))
    if len(ends) < RESTARTS:
        return None
    return f"its TaskManagers keep crashing ({ends[-1]['how']}). Check the events and logs of their pods."


def log_failure(api: KubernetesApi, name: str) -> str | None:
    """Return the cause of a failure according to the logs of the job's JobManagers; None if they have none."""
    pods = api.list("Pod", f"app={name},component=jobmanager")
    logs = [api.log(pod["metadata"]["name"], CONTAINER, LOG_LINES) for pod in pods]
    return next((found for log in logs if (found := script_failure(log) or caused_by(log))), None)


def caused_by(log: str) -> str | None:
    """Return the innermost cause of a log's last Java stack trace; None if it has none."""
    causes = [line.strip().removeprefix("Caused by: ") for line in log.splitlines() if line.startswith("Caused by: ")]
    if causes and _TOO_FAST in causes[-1]:
        return f"{causes[-1]} The script ended before Flink read its output. Check that Python can compile it."
    return causes[-1] if causes else None


def relevant_lines(log: str) -> str:
    """Return the exception of a script that raised, else the last SHOWN_LINES lines without stack frames."""
    output = _script_output(log)
    if output:
        return submit_failure(output)[1]
    lines = [line for line in log.splitlines() if not line.lstrip().startswith(("at ", "... "))]
    return "\n".join(lines[-SHOWN_LINES:])


def script_failure(log: str) -> str | None:
    """Return the exception of a script from a JobManager's log, or the innermost cause if Java raised it.

    None if no script raised.
    """
    output = _script_output(log)
    return submit_failure(output)[0] if output else None


def _script_output(log: str) -> str | None:
    """Return the output of a script that raised; None if none did."""
    output = "\n".join(line for line in log.splitlines() if not _LOGGED.match(line)).partition(_AFTERMATH)[0]
    return output if TRACEBACK in output else None


def _with_fix(fact: str, fix: str) -> str:
    return f"{fact.rstrip('. ')}. {fix}"


def _more_memory(component: str) -> str:
    return f"Raise {component}_memory_mb of [kubernetes] in the settings."


def _rejected_pods(api: KubernetesApi, name: str, applied: datetime) -> str | None:
    """Return why the cluster rejects the pods, such as a quota or a missing service account; events report it."""
    for event in api.events("FailedCreate"):
        at = event.get("lastTimestamp") or event.get("eventTime")
        if event["involvedObject"]["name"].startswith(name) and at and datetime.fromisoformat(at) > applied:
            return _with_fix(
                f"its pods are rejected: {event['message']}",
                "Fix the quota, policy or service account that this names.",
            )
    return None


def _unschedulable(pod: Manifest, now: datetime, patience: Patience) -> str | None:
    for condition in pod["status"].get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            since = datetime.fromisoformat(condition["lastTransitionTime"])
            if (now - since).total_seconds() >= patience.unschedulable:
                message = condition.get("message", "")
                fix = (
                    "Install the chart, or set state_claim to an existing and bound claim."
                    if "persistentvolumeclaim" in message.lower()
                    else "Lower the memory or CPU of the jobs, or add a node."
                )
                return _with_fix(f"it cannot be scheduled: {message}", fix)
    return None


def _container_failure(api: KubernetesApi, pod: Manifest) -> str | None:
    for container in pod["status"].get("containerStatuses", []):
        waiting = container["state"].get("waiting", {})
        reason, message = waiting.get("reason"), waiting.get("message", "")
        if reason in _PULL:
            return _with_fix(
                f"image {container['image']} cannot be pulled: {message or reason}",
                "Build it (`make images`) and push it.",
            )
        missing = message or reason if reason in _CONFIG else _missing_volume(api, pod) if reason == _CREATING else None
        if missing:
            return _with_fix(
                f"its container cannot be created: {missing}", "Create the Secret or ConfigMap that this names."
            )
        # A running container may have restarted long ago; only one that keeps crashing waits for its next start.
        if reason == "CrashLoopBackOff":
            ended = container.get("lastState", {}).get("terminated", {}).get("reason")
            if ended == "OOMKilled":
                return f"it ran out of memory. {_more_memory('jobmanager')}"
            if container.get("restartCount", 0) >= RESTARTS:
                return f"it keeps crashing: {_cause_in_log(api, pod['metadata']['name'])}"
    return None


def _missing_volume(api: KubernetesApi, pod: Manifest) -> str | None:
    """Return which Secret of a volume is missing, or which key of it; only events report it."""
    for event in api.events("FailedMount"):
        found = _MISSING.search(event["message"])
        if found and event["involvedObject"]["name"] == pod["metadata"]["name"]:
            return found[0]
    return None


def _cause_in_log(api: KubernetesApi, pod: str) -> str:
    log = api.log(pod, CONTAINER, LOG_LINES, previous=True)
    last = " / ".join([line.strip() for line in log.splitlines() if line.strip()][-3:])
    return script_failure(log) or caused_by(log) or last or "its log is empty"
