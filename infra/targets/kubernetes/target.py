"""The target `kubernetes`: a FlinkDeployment for each job, in application mode.

The resource says what is wanted, the operator makes it so, and the job's own REST interface, through the API server's
proxy, says what is true: its revision, its checkpoints, its failures. The resource's word alone is not believed.
"""

from __future__ import annotations

from infra.errors import JobFailedError
from infra.flink.rest import FlinkRest
from infra.settings import KubernetesSettings
from infra.targets.base import Change, JobDeployment, JobState, JobStatus
from infra.targets.flink_job import describe_run, last_checkpoint, newest_run
from infra.targets.kubernetes.api import KubernetesApi, Manifest
from infra.targets.kubernetes.diagnosis import log_failure, pod_failure
from infra.targets.kubernetes.manifests import (
    REVISION_ANNOTATION,
    bundle_name,
    labels,
    render_config_map,
    render_flink_deployment,
    resource_name,
)
from infra.targets.kubernetes.reconciled import job_state, reconciled_revision, savepoint_of, upgraded
from infra.waiting import wait_until

KIND = "FlinkDeployment"
REST_PORT = 8081
SUSPEND_SECONDS = 180
LOG_LINES = 60
KEPT_BUNDLES = 3


class KubernetesTarget:
    """Runs jobs in one namespace of a cluster where the Flink Kubernetes Operator watches."""

    name = "kubernetes"
    upgrades_in_place = True

    def __init__(self, api: KubernetesApi, settings: KubernetesSettings) -> None:
        self._api = api
        self._settings = settings
        self.image = settings.image

    def ensure_scripts(self, job: JobDeployment) -> Change:
        if self._api.get("ConfigMap", bundle_name(job)):
            return "unchanged"
        self._api.apply(render_config_map(job, self._settings))
        self._prune_bundles(job)
        return "created"

    def submit(self, job: JobDeployment, savepoint: str | None = None) -> str:
        name = resource_name(job.name)
        found = self._api.get(KIND, name)
        ended = found and (job_state(found) is JobState.FAILED or found["spec"]["job"]["state"] == "suspended")
        if ended:
            # The operator leaves a failed job as it is, and 1.7.0 brings a suspended one back under its old id, which
            # is refused as ended. A new resource starts from the state that is named.
            self._remove(name)
            found = None
        self._api.apply(render_flink_deployment(job, self._settings, None if found else savepoint))
        return name

    def status(self, job_name: str) -> JobStatus:
        name = resource_name(job_name)
        found = self._api.get(KIND, name)
        if found is None:
            return JobStatus(JobState.MISSING)
        wanted = found["metadata"].get("annotations", {}).get(REVISION_ANNOTATION)
        if found["spec"]["job"]["state"] == "suspended":
            return JobStatus(JobState.STOPPED, reconciled_revision(found), restorable_state=savepoint_of(found))
        failure = pod_failure(self._api, name)
        if failure or not upgraded(found):
            state = JobState.FAILED if failure else JobState.STARTING
            return JobStatus(state, wanted, name, last_failure=failure, restorable_state=savepoint_of(found))
        return self._running_status(found, wanted)

    def stop(self, job_name: str, savepoint: bool) -> str | None:
        name = resource_name(job_name)
        found = self._api.get(KIND, name)
        if found is None or found["spec"]["job"]["state"] == "suspended":
            return None
        mode = "savepoint" if savepoint else "stateless"
        self._api.patch(KIND, name, {"spec": {"job": {"state": "suspended", "upgradeMode": mode}}})

        def suspended() -> Manifest | None:
            seen = self._api.get(KIND, name) or {}
            if seen.get("status", {}).get("error"):
                raise JobFailedError(f"{job_name} could not be suspended: {seen['status']['error']}")
            return seen if upgraded(seen) and seen["status"].get("lifecycleState") == "SUSPENDED" else None

        seen = wait_until(suspended, f"{job_name} to be suspended", SUSPEND_SECONDS, poll_seconds=1)
        return savepoint_of(seen) if savepoint else None

    def logs(self, job_name: str) -> str:
        lines = []
        for pod in self._pods(resource_name(job_name)):
            log = self._api.log(pod["metadata"]["name"], "flink-main-container", LOG_LINES)
            lines.append(f"--- {pod['metadata']['name']}\n{log}")
        return "\n".join(lines) or f"{job_name}: there is no pod"

    def delete(self, job_name: str) -> None:
        """The files of checkpoints and savepoints stay on the volume; nothing refers to them any more."""
        self._remove(resource_name(job_name))
        for bundle in self._bundles(job_name):
            self._api.delete("ConfigMap", bundle["metadata"]["name"])

    def _remove(self, name: str) -> None:
        self._api.delete(KIND, name)
        wait_until(lambda: self._api.get(KIND, name) is None, f"{name} to be deleted", SUSPEND_SECONDS, poll_seconds=1)

    def _pods(self, name: str) -> list[Manifest]:
        return self._api.list("Pod", f"app={name}")

    def _bundles(self, job_name: str) -> list[Manifest]:
        return self._api.list("ConfigMap", ",".join(f"{key}={value}" for key, value in labels(job_name).items()))

    def _prune_bundles(self, job: JobDeployment) -> None:
        """Keeps the newest, and the one that the resource runs; a savepoint goes with the revision that it was of."""
        found = self._api.get(KIND, resource_name(job.name))
        used = {job.revision, (found or {}).get("metadata", {}).get("annotations", {}).get(REVISION_ANNOTATION)}
        bundles = sorted(self._bundles(job.name), key=lambda item: str(item["metadata"]["creationTimestamp"]))
        for bundle in bundles[:-KEPT_BUNDLES]:
            if bundle["metadata"].get("annotations", {}).get(REVISION_ANNOTATION) not in used:
                self._api.delete("ConfigMap", bundle["metadata"]["name"])

    def _running_status(self, found: Manifest, wanted: str | None) -> JobStatus:
        """As Flink sees it; before its REST interface can know the job, as the operator does."""
        name, state = found["metadata"]["name"], job_state(found)
        if state is JobState.STARTING:
            return JobStatus(state, wanted, name, restorable_state=savepoint_of(found))
        rest = FlinkRest(f"service {name}-rest", fetch=lambda path: self._api.service(f"{name}-rest", REST_PORT, path))
        run = newest_run(rest, found["spec"]["flinkConfiguration"]["pipeline.name"])
        if run is None:
            # A script that raised never became a job; only the JobManager's log says what it raised.
            failure = log_failure(self._api, name) if state is JobState.FAILED else None
            return JobStatus(state, wanted, name, last_failure=failure, restorable_state=savepoint_of(found))
        checkpoint = last_checkpoint(rest, run["jid"]).get("external_path")
        return describe_run(rest, run, checkpoint or savepoint_of(found), None)
