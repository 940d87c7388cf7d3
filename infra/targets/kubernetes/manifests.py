"""The Kubernetes objects that run a job: a ConfigMap of its job scripts, and a FlinkDeployment."""

from __future__ import annotations

import base64
import json
from typing import Any

from infra.errors import DefinitionError
from infra.flink.java import JAVA_17_OPTIONS
from infra.jobs.job import JobSpec, StoredJob
from infra.jobs.options import exit_options, identity_options, recovery_options, state_options
from infra.settings import KubernetesSettings
from infra.versions import load_versions

Manifest = dict[str, Any]
PART_OF = "olympic-streaming"
REVISION_KEY = "olympic-streaming/revision"
FACTS_ANNOTATION = "olympic-streaming/job"
STATE_ANNOTATION = "olympic-streaming/last-checkpoint"
CONTAINER = "flink-main-container"
SCRIPTS, DATA, SECRETS = "/opt/flink/jobs", "/flink-data", "/opt/flink/secrets"
MAX_SCRIPTS_BYTES = 1_048_576  # what a ConfigMap can hold
KEPT_REVISIONS = 3  # whose job scripts and savepoints stay, for a rollback


def resource_name(job_name: str) -> str:
    """Return a job's name as Kubernetes allows it: `olympics-players-cdc` for `olympics.players_cdc`."""
    return job_name.replace(".", "-").replace("_", "-")


def scripts_name(job_name: str, revision: str) -> str:
    """Return the name of a revision's ConfigMap, which is new for new content: a changed one would restart nothing."""
    return f"{resource_name(job_name)}-{revision}"


def render_config_map(job: JobSpec, settings: KubernetesSettings) -> Manifest:
    """Return the ConfigMap of the job scripts; DefinitionError if they are larger than a ConfigMap can be."""
    size = sum(len(name) + len(content) for name, content in job.files.items())
    if size > MAX_SCRIPTS_BYTES:
        raise DefinitionError(
            f"job {job.name}: its job scripts have {size} bytes. Expected at most {MAX_SCRIPTS_BYTES}, the limit of a "
            "ConfigMap. Remove files from the job, or put large ones into the image."
        )
    data, binary = {}, {}
    for name, content in job.files.items():
        try:
            data[name] = content.decode("utf-8")
        except UnicodeDecodeError:
            binary[name] = base64.b64encode(content).decode()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": scripts_name(job.name, job.revision),
            "namespace": settings.namespace,
            "labels": labels(job.name),
            "annotations": {REVISION_KEY: job.revision, FACTS_ANNOTATION: json.dumps(job.facts())},
        },
        "immutable": True,
        "data": data,
        **({"binaryData": binary} if binary else {}),
    }


def read_config_map(config_map: Manifest) -> StoredJob:
    """Return what `render_config_map` wrote; earlier releases did not write the facts."""
    files = {name: text.encode() for name, text in config_map.get("data", {}).items()}
    files |= {name: base64.b64decode(text) for name, text in config_map.get("binaryData", {}).items()}
    facts = config_map["metadata"].get("annotations", {}).get(FACTS_ANNOTATION)
    return StoredJob(files, json.loads(facts) if facts else None)


def labels(job_name: str) -> dict[str, str]:
    """Return the labels of all objects of a job."""
    return {
        "app.kubernetes.io/name": resource_name(job_name),
        "app.kubernetes.io/part-of": PART_OF,
        "app.kubernetes.io/managed-by": PART_OF,
    }


def render_flink_deployment(job: JobSpec, settings: KubernetesSettings, savepoint: str | None) -> Manifest:
    """Return the FlinkDeployment of a job; its Secrets are mounted, so it contains no value of them."""
    start = {"initialSavepointPath": savepoint} if savepoint else {}
    return {
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": {
            "name": resource_name(job.name),
            "namespace": settings.namespace,
            "labels": labels(job.name),
            "annotations": {REVISION_KEY: job.revision},
        },
        "spec": {
            "image": settings.image,
            "imagePullPolicy": "IfNotPresent",
            "flinkVersion": settings.flink_version,
            "serviceAccount": settings.service_account,
            "flinkConfiguration": _configuration(job, settings),
            "podTemplate": _pod_template(job, settings),
            "jobManager": {
                "resource": _resource(settings, settings.jobmanager_memory_mb),
                "podTemplate": _job_manager_template(job),
            },
            "taskManager": {"resource": _resource(settings, settings.taskmanager_memory_mb)},
            "job": {
                "jarURI": f"local:///opt/flink/opt/flink-python-{load_versions().flink.flink}.jar",
                "entryClass": "org.apache.flink.client.python.PythonDriver",
                "args": _arguments(job),
                "parallelism": job.parallelism,
                "upgradeMode": "savepoint",
                "state": "running",
                **start,
            },
        },
    }


def _resource(settings: KubernetesSettings, memory_mb: int) -> Manifest:
    return {"memory": f"{memory_mb}m", "cpu": settings.cpu_millis / 1000}


def _arguments(job: JobSpec) -> list[str]:
    modules = [f"{SCRIPTS}/{name}" for name in sorted(job.files) if name.endswith(".py") and name != job.script]
    arguments = ["-py", f"{SCRIPTS}/{job.script}", *(["-pyfs", ",".join(modules)] if modules else [])]
    arguments += ["--scripts", SCRIPTS]
    for name, value in job.arguments.items():
        arguments += [f"--{name}", value]
    return arguments


def _configuration(job: JobSpec, settings: KubernetesSettings) -> dict[str, str]:
    folder = f"file://{DATA}/{resource_name(job.name)}"
    return {
        **recovery_options(settings.checkpoint_interval_ms),
        **state_options(),
        "state.checkpoints.dir": f"{folder}/checkpoints",
        "state.savepoints.dir": f"{folder}/savepoints",
        "high-availability.type": "kubernetes",
        "high-availability.storageDir": f"{folder}/ha",
        "env.java.opts.all": JAVA_17_OPTIONS,
        "env.java.opts.taskmanager": exit_options(),
        "taskmanager.numberOfTaskSlots": str(job.parallelism),
        # Without a factor the limit equals the request, and a small request slows down the start of the JVM.
        "kubernetes.jobmanager.cpu.limit-factor": str(settings.cpu_limit_factor),
        "kubernetes.taskmanager.cpu.limit-factor": str(settings.cpu_limit_factor),
        "kubernetes.operator.pod-template.merge-arrays-by-name": "true",
        **_savepoint_options(),
        **job.configuration,
        **identity_options(job),
    }


def _savepoint_options() -> dict[str, str]:
    """Return which savepoints of upgrades the operator keeps: those that a rollback requires, however old they are.

    The operator's default deletes all but the newest one after a day. It disposes of files by a running job only, so
    that a snapshot whose job has failed could not be deleted; therefore files stay.
    """
    return {
        "kubernetes.operator.savepoint.history.max.count": str(KEPT_REVISIONS),
        "kubernetes.operator.savepoint.history.max.age": "36500 d",
        "kubernetes.operator.savepoint.dispose-on-delete": "false",
    }


def _pod_template(job: JobSpec, settings: KubernetesSettings) -> Manifest:
    """Return the template of all pods; its label tells the pods of this revision from those of earlier ones."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod-template", "labels": {REVISION_KEY: job.revision}},
        "spec": {
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 9999,
                "fsGroup": 9999,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": CONTAINER,
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "readOnlyRootFilesystem": True,
                    },
                    "volumeMounts": [
                        {"name": "flink-data", "mountPath": DATA},
                        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108, a path in the container
                        {"name": "log", "mountPath": "/opt/flink/log"},
                        *(
                            {"name": name, "mountPath": f"{SECRETS}/{job.name}/{name}", "readOnly": True}
                            for name in _secret_keys(job)
                        ),
                    ],
                }
            ],
            "volumes": [
                {"name": "flink-data", "persistentVolumeClaim": {"claimName": settings.state_claim}},
                {"name": "tmp", "emptyDir": {}},
                {"name": "log", "emptyDir": {}},
                *(_secret_volume(name, keys) for name, keys in _secret_keys(job).items()),
            ],
        },
    }


def _secret_keys(job: JobSpec) -> dict[str, list[str]]:
    """Return the keys that the job reads, by Secret."""
    keys: dict[str, list[str]] = {}
    for secret in job.secrets:
        keys.setdefault(secret.name, []).append(secret.key)
    return keys


def _secret_volume(name: str, keys: list[str]) -> Manifest:
    """Return the volume of a Secret with the keys that the job reads, for the group of its pods only."""
    items = [{"key": key, "path": key} for key in keys]
    return {"name": name, "secret": {"secretName": name, "items": items, "defaultMode": 0o440}}


def _job_manager_template(job: JobSpec) -> Manifest:
    """Return the template of the JobManager; only it plans the job, so only it gets the job scripts."""
    container = {
        "name": CONTAINER,
        "volumeMounts": [{"name": "scripts", "mountPath": SCRIPTS, "readOnly": True}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod-template"},
        "spec": {
            "containers": [container],
            "volumes": [{"name": "scripts", "configMap": {"name": scripts_name(job.name, job.revision)}}],
        },
    }
