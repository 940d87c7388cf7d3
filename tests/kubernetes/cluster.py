"""The platform on a cluster, for tests: images, operator and chart, through kubectl and helm.

`KUBECONFIG` names the cluster. `IMAGE_BUILD_COMMAND` and `IMAGE_BUILD_ARGS` are those of docker/build.sh, and
`IMAGE_PUSH_COMMAND IMAGE...` makes images available to the cluster's pods, such as `docker push` or
`kind load docker-image`; if it is not set, the cluster must have them already.

`OPERATOR_CHART` (the folder that `helm pull --untar` writes) and `OPERATOR_IMAGE` (REPOSITORY:TAG, by default that of
the chart) are the Flink operator's own, installed with helm/flink-operator-values.yaml as users do. Without them the
tier builds the operator of infra/versions.toml from Maven Central.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any

from infra.settings import ROOT, load_settings
from infra.setup.jars import ensure_jars, lock_file
from tests.kubernetes.crds import Definitions, flink_versions, locked_crds, parse_crds

CHART = ROOT / "helm" / "olympic-streaming"
OPERATOR_RELEASE = "flink-kubernetes-operator"
OPERATOR_CHART = os.environ.get("OPERATOR_CHART")
# Operators from 1.10 on have the custom resource FlinkStateSnapshot.
OPERATOR_HAS_SNAPSHOTS = bool(OPERATOR_CHART and any(Path(OPERATOR_CHART, "crds").glob("*snapshots*")))
OPERATOR_IMAGE = os.environ.get("OPERATOR_IMAGE")
FINALIZED = ("flinkstatesnapshots.flink.apache.org", "flinkdeployments.flink.apache.org")
OPERATOR_VALUES = ROOT / "helm" / "flink-operator-values.yaml"
TEST_OPERATOR = ROOT / "tests" / "kubernetes" / "operator"
TEST_OPERATOR_VALUES = TEST_OPERATOR / "test-values.yaml"
IMAGES = ("flink", "airflow", "kafka", "mysql", *(() if OPERATOR_CHART else ("operator",)))
TEST_IMAGES = CHART / "ci" / "ci-test-images-values.yaml"
TIMEOUT_SECONDS = 180
LOG_LINES = 40
CRASHES = 3
_TERMINAL = ("ErrImagePull", "ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError")


class ClusterError(AssertionError):
    """A command failed or a wait ran out; the message contains pods, events and logs."""


def run(*command: str, stdin: str | None = None, timeout: float = TIMEOUT_SECONDS) -> str:
    """Return the output of a command; ClusterError with its whole output if it fails."""
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, cwd=ROOT)
    if result.returncode:
        raise ClusterError(f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result.stdout


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    return run("kubectl", *arguments, stdin=stdin)


def get(namespace: str, *what: str) -> dict[str, Any]:
    """Return objects as the JSON of `kubectl get`."""
    found: dict[str, Any] = json.loads(kubectl("--namespace", namespace, "get", *what, "--output", "json"))
    return found


def image(name: str) -> str:
    """Return the reference of one of our images."""
    tag = os.environ.get("IMAGE_TAG") or next(
        line.split('"')[1] for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith("version")
    )
    return f"{os.environ.get('IMAGE_REPOSITORY') or 'olympic-streaming'}/{name}:{tag}"


def folder_of(name: str) -> str:
    """Return the folder that an image is built from: in docker/, or that of a test image."""
    ours = ROOT / "docker" / name
    return str(ours if ours.is_dir() else ROOT / "tests" / "kubernetes" / "images" / name)


def build_images(names: tuple[str, ...] = IMAGES) -> None:
    """Build the images and make them available to pods; a second build takes seconds."""
    run("bash", "docker/build.sh", *map(folder_of, names), timeout=1800)
    push = os.environ.get("IMAGE_PUSH_COMMAND", "").split()
    if push:
        run(*push, *(image(name) for name in names), timeout=900)


def get_or_none(namespace: str, *what: str) -> dict[str, Any] | None:
    """Return an object as the JSON of `kubectl get`; None if it or its namespace does not exist."""
    text = kubectl("--namespace", namespace, "get", *what, "--ignore-not-found", "--output", "json")
    found: dict[str, Any] | None = json.loads(text) if text.strip() else None
    return found


def create_namespace(namespace: str) -> None:
    """Create a namespace; ClusterError if it exists, so that only one of two runs that start together continues."""
    kubectl("create", "namespace", namespace)
    ensure_namespace(namespace)


def ensure_namespace(namespace: str) -> None:
    """Create a namespace, if it is missing, that enforces the Pod Security Standard `restricted`."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    kubectl("apply", "--server-side", "--filename", "-", stdin=json.dumps(manifest))


def install_operator(namespace: str) -> None:
    """Install the custom resource definitions, and the operator for this namespace only."""
    ensure_namespace(namespace)
    crds = json.dumps({"apiVersion": "v1", "kind": "List", "items": operator_crds()})
    kubectl("apply", "--server-side", "--force-conflicts", "--filename", "-", stdin=crds)
    settings = ["--set", f"watchNamespaces={{{namespace}}}"]
    found = OPERATOR_IMAGE if OPERATOR_CHART else image("operator")
    if found:
        repository, _, tag = found.rpartition(":")
        settings += ["--set", f"image.repository={repository}", "--set-string", f"image.tag={tag}"]
    for values in (OPERATOR_VALUES, TEST_OPERATOR_VALUES):
        settings += ["--values", str(values)]
    _helm_install(namespace, OPERATOR_RELEASE, OPERATOR_CHART or str(TEST_OPERATOR), *settings)


@cache
def operator_crds() -> Definitions:
    """Return the custom resource definitions of the operator that the tier installs."""
    if OPERATOR_CHART:
        files = sorted(Path(OPERATOR_CHART, "crds").iterdir())
        return [definition for file in files for definition in parse_crds(file.read_text(encoding="utf-8"))]
    ensure_jars(lambda _line: None, lock_file("operator"))
    return locked_crds()


def flink_version() -> str:
    """Return the operator's name for our Flink version; the newest that it has if it is older than that."""
    accepted = flink_versions(operator_crds())
    ours = load_settings({}).kubernetes.flink_version
    return ours if ours in accepted else accepted[-1]


def install_chart(namespace: str, *arguments: str) -> None:
    """Install the chart with the test images, reachable from outside; `arguments` are passed to helm."""
    ensure_namespace(namespace)
    images = {name: image(name).rpartition(":") for name in ("airflow", "kafka", "mysql")}
    settings = [f"kafka.external.host={node_address()}"]
    settings += [f"{name}.image.repository={repository}" for name, (repository, _, _) in images.items()]
    settings += [f"{name}.image.tag={tag}" for name, (_, _, tag) in images.items()]
    flags = [word for setting in settings for word in ("--set-string", setting)]
    _helm_install(namespace, "olympic", str(CHART), "--values", str(TEST_IMAGES), *flags, *arguments)


def node_address() -> str:
    """Return the address at which pods and clients outside the cluster reach a NodePort."""
    addresses = get("default", "nodes")["items"][0]["status"]["addresses"]
    return str(next(entry["address"] for entry in addresses if entry["type"] == "InternalIP"))


def wait_ready(namespace: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
    """Wait until every pod is ready or has succeeded; ClusterError names the others and the reasons."""
    deadline = time.monotonic() + timeout_seconds
    while waiting := [pod["metadata"]["name"] for pod in get(namespace, "pods")["items"] if not _is_ready(pod)]:
        if time.monotonic() > deadline:
            raise ClusterError(f"waited {timeout_seconds:.0f} s for {', '.join(waiting)}\n{describe(namespace)}")
        time.sleep(1)


def delete_namespace(namespace: str) -> None:
    """Delete a namespace: first what the operator must finalize, while it still runs, then everything else."""
    present = subprocess.run(["kubectl", "get", "namespace", namespace], capture_output=True).returncode == 0
    if not present:
        return
    for kind in FINALIZED:
        _try("delete", kind, "--all", "--ignore-not-found", "--timeout=120s", namespace=namespace)
        for name in _try("get", kind, "--output=name", namespace=namespace).split():
            if name.startswith("flink"):  # without an operator, as after a run that ended early
                _try("patch", name, "--type=merge", '--patch={"metadata":{"finalizers":null}}', namespace=namespace)
    kubectl("delete", "namespace", namespace, "--timeout=180s")


def describe(namespace: str) -> str:
    """Return the pods, the last events, and the logs of the pods that are not ready."""
    parts = [_try("get", "pods,jobs,flinkdeployments", "--output=wide", namespace=namespace)]
    parts.append(_try("get", "events", "--sort-by=.lastTimestamp", namespace=namespace)[-6000:])
    for pod in get(namespace, "pods")["items"]:
        if not _is_ready(pod):
            name = pod["metadata"]["name"]
            log = ("logs", name, "--all-containers", f"--tail={LOG_LINES}")
            parts.append(f"--- log of {name}\n{_try(*log, namespace=namespace)}")
            parts.append(f"--- before its restart\n{_try(*log, '--previous', namespace=namespace)}")
    return "\n".join(parts)


def _helm_install(namespace: str, release: str, *arguments: str) -> None:
    """Install a release and wait for it; ClusterError as soon as a pod will not become ready without help."""
    wait = ("--wait", "--timeout", f"{TIMEOUT_SECONDS}s")
    command = ["helm", "upgrade", "--install", release, *arguments, "--namespace", namespace, *wait]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as helm:
        broken: list[str] = []
        while helm.poll() is None and not broken:
            time.sleep(1)
            broken = [reason for pod in get(namespace, "pods")["items"] for reason in _broken(pod)]
        if broken:
            helm.terminate()
        output, _ = helm.communicate()
    if helm.returncode or broken:
        raise ClusterError(f"{' '.join(command)} failed: {'; '.join(broken)}\n{output}\n{describe(namespace)}")


def _broken(pod: dict[str, Any]) -> list[str]:
    """Return the reasons why a pod will not become ready without help."""
    reasons = []
    for status in pod["status"].get("containerStatuses", []):
        reason = status["state"].get("waiting", {}).get("reason", "")
        if reason in _TERMINAL or (reason == "CrashLoopBackOff" and status["restartCount"] >= CRASHES):
            reasons.append(f"{pod['metadata']['name']} is in {reason} after {status['restartCount']} restarts")
    return reasons


def _is_ready(pod: dict[str, Any]) -> bool:
    if pod["status"].get("phase") == "Succeeded" or "deletionTimestamp" in pod["metadata"]:
        return True
    conditions = {entry["type"]: entry["status"] for entry in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True"


def _try(*arguments: str, namespace: str) -> str:
    result = subprocess.run(["kubectl", "--namespace", namespace, *arguments], capture_output=True, text=True)
    return result.stdout + result.stderr
