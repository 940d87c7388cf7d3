"""The target `kubernetes`: a FlinkDeployment for each job, in application mode.

The resource says what is wanted, the operator makes it so, and the job's own REST interface, through the API server's
proxy, says what is true: its revision, its checkpoints, its failures. The resource's word alone is not believed.
"""

from __future__ import annotations

from dataclasses import replace

from kubernetes.client import ApiClient

from infra.errors import JobFailedError, SetupError, UnreachableError
from infra.flink.rest import SAVEPOINT_TIMEOUT_SECONDS, FlinkRest
from infra.jobs.flink_status import STATES, describe_run, last_checkpoint, newest_run
from infra.jobs.job import Change, JobSpec, JobState, JobStatus
from infra.settings import KubernetesSettings
from infra.targets.kubernetes.api import FIELD_MANAGER, KubernetesApi, Manifest
from infra.targets.kubernetes.diagnosis import (
    LOG_LINES,
    Patience,
    log_failure,
    pod_failure,
    telling_lines,
    worker_failure,
)
from infra.targets.kubernetes.manifests import (
    CONTAINER,
    REVISION_KEY,
    STATE_ANNOTATION,
    bundle_name,
    labels,
    render_config_map,
    render_flink_deployment,
    resource_name,
)
from infra.targets.kubernetes.reconciled import (
    applied_at,
    flink_job_id,
    has_run,
    is_taken,
    job_state,
    operator_error,
    reconciled_revision,
    refusal,
    savepoint_of,
    upgraded,
)
from infra.waiting import wait_until

KIND = "FlinkDeployment"
REST_PORT = 8081
SUBMIT_SECONDS = 120
KEPT_BUNDLES = 3


class KubernetesTarget:
    """Runs jobs in one namespace of a cluster where the Flink Kubernetes Operator watches."""

    name = "kubernetes"
    upgrades_in_place = True

    def __init__(self, api: KubernetesApi, settings: KubernetesSettings, patience: Patience | None = None) -> None:
        self._api = api
        self._settings = settings
        self._patience = patience or Patience()
        self.image = settings.image

    def ensure_scripts(self, job: JobSpec) -> Change:
        if self._api.get("ConfigMap", bundle_name(job)):
            return "unchanged"
        self._api.apply(render_config_map(job, self._settings))
        self._prune_bundles(job)
        return "created"

    def submit(self, job: JobSpec, savepoint: str | None = None) -> str:
        name = resource_name(job.name)
        if self._api.get("ConfigMap", bundle_name(job)) is None:
            raise JobFailedError(f"{job.name} could not be submitted: revision {job.revision} has no scripts")
        found = self._api.get(KIND, name)
        if found and (_must_be_new(found) or self._has_ended(found)):
            self._remove(name)
            found = None
        self._api.apply(render_flink_deployment(job, self._settings, None if found else savepoint))

        def chosen() -> str | None:
            seen = self._api.get(KIND, name) or {}
            refused = refusal(seen, FIELD_MANAGER) if seen else None
            if refused:
                raise JobFailedError(f"{job.name} could not be submitted: {refused}")
            self._check_taken(seen)
            return flink_job_id(seen)

        return wait_until(chosen, f"the operator to choose an id for {job.name}", SUBMIT_SECONDS)

    def status(self, job_name: str) -> JobStatus:
        name = resource_name(job_name)
        found = self._api.get(KIND, name)
        if found is None:
            return JobStatus(JobState.MISSING)
        if found["spec"]["job"]["state"] == "suspended":
            return JobStatus(JobState.STOPPED, reconciled_revision(found), restorable_state=_restorable(found))
        status = self._running_status(found)
        # A job that has failed may not have a JobManager any more, and so no page.
        return replace(status, url=self._url(found)) if status.state.alive else status

    def _running_status(self, found: Manifest) -> JobStatus:
        """The status of a job that is to run, without its link."""
        name = found["metadata"]["name"]
        self._check_taken(found)
        wanted, applied = _wanted_revision(found), applied_at(found, FIELD_MANAGER)
        failure = refusal(found, FIELD_MANAGER) or pod_failure(self._api, name, wanted, self._patience, applied)
        if failure:
            return _as_operator_says(found, JobState.FAILED, failure)
        if not upgraded(found) or job_state(found) is JobState.STARTING:
            failure = worker_failure(self._api, name, wanted)
            state = JobState.FAILED if failure else JobState.STARTING
            return _as_operator_says(found, state, failure or operator_error(found))
        return self._flink_status(found)

    def stop(self, job_name: str, savepoint: bool) -> str | None:
        name = resource_name(job_name)
        found = self._api.get(KIND, name)
        if found is None or found["spec"]["job"]["state"] == "suspended" or job_state(found) is JobState.FAILED:
            return None
        mode = "savepoint" if savepoint else "stateless"
        change: Manifest = {"spec": {"job": {"state": "suspended", "upgradeMode": mode}}}
        if not savepoint:  # the operator forgets the checkpoint, and its files stay
            change["metadata"] = {"annotations": {STATE_ANNOTATION: self._last_checkpoint(found)}}
        self._api.patch(KIND, name, change)

        def suspended() -> Manifest | None:
            seen = self._api.get(KIND, name) or {}
            if operator_error(seen) not in (None, operator_error(found)):
                raise JobFailedError(f"{job_name} could not be suspended: {operator_error(seen)}")
            return seen if upgraded(seen) and seen["status"].get("lifecycleState") == "SUSPENDED" else None

        seen = wait_until(suspended, f"{job_name} to be suspended", SAVEPOINT_TIMEOUT_SECONDS, 1, _operators_work)
        return savepoint_of(seen) if savepoint else None

    def logs(self, job_name: str) -> str:
        lines = []
        for pod in self._pods(resource_name(job_name)):
            log = self._api.log(pod["metadata"]["name"], CONTAINER, LOG_LINES)
            lines.append(f"--- {pod['metadata']['name']}\n{telling_lines(log)}")
        return "\n".join(lines) or f"{job_name}: there is no pod"

    def delete(self, job_name: str) -> None:
        """The files of checkpoints and savepoints stay on the volume; nothing refers to them any more."""
        self._remove(resource_name(job_name))
        for bundle in self._bundles(job_name):
            self._api.delete("ConfigMap", bundle["metadata"]["name"])

    def _remove(self, name: str) -> None:
        self._api.delete(KIND, name)
        gone = f"{name} to be deleted"
        wait_until(lambda: self._api.get(KIND, name) is None, gone, SAVEPOINT_TIMEOUT_SECONDS, 1, _operators_work)

    def _pods(self, name: str) -> list[Manifest]:
        return self._api.list("Pod", f"app={name}")

    def _bundles(self, job_name: str) -> list[Manifest]:
        return self._api.list("ConfigMap", ",".join(f"{key}={value}" for key, value in labels(job_name).items()))

    def _prune_bundles(self, job: JobSpec) -> None:
        """Keeps the newest, and those that the job runs or is to run; one that is stopped has its savepoint's."""
        found = self._api.get(KIND, resource_name(job.name))
        used = {job.revision, *(_revisions_of(found) if found else ())}
        bundles = sorted(self._bundles(job.name), key=lambda item: int(item["metadata"]["resourceVersion"]))
        for bundle in bundles[:-KEPT_BUNDLES]:
            if bundle["metadata"].get("annotations", {}).get(REVISION_KEY) not in used:
                self._api.delete("ConfigMap", bundle["metadata"]["name"])

    def _check_taken(self, found: Manifest) -> None:
        """SetupError when nobody has looked at the resource for so long that nobody will."""
        if not found or is_taken(found):
            return
        age = (self._api.now - applied_at(found, FIELD_MANAGER)).total_seconds()
        if age >= self._patience.untaken:
            raise SetupError(
                f"no operator has taken FlinkDeployment {found['metadata']['name']} since {age:.0f} s; is the Flink "
                f"Kubernetes Operator installed, does it run, and does it watch namespace {self._api.namespace}?"
            )

    def _rest(self, found: Manifest) -> FlinkRest:
        service = f"{found['metadata']['name']}-rest"
        return FlinkRest(f"service {service}", fetch=lambda path: self._api.service(service, REST_PORT, path))

    def _last_checkpoint(self, found: Manifest) -> str | None:
        """None where no JobManager answers: then the operator's knowledge is all there is."""
        rest = self._rest(found)
        try:
            run = newest_run(rest, _flink_name(found))
            return last_checkpoint(rest, run["jid"]).get("external_path") if run else None
        except UnreachableError:
            return None

    def _has_ended(self, found: Manifest) -> bool:
        """Whether Flink says so already; the operator may take seconds to learn it."""
        try:
            run = newest_run(self._rest(found), _flink_name(found))
        except UnreachableError:
            return False
        return run is not None and STATES[run["state"]] in (JobState.FAILED, JobState.STOPPED)

    def _url(self, found: Manifest) -> str:
        """The job's page in its Flink UI."""
        service, job_id = f"{found['metadata']['name']}-rest", flink_job_id(found)
        address = self._settings.ui.format(service=service, namespace=self._api.namespace).rstrip("/")
        return f"{address}/#/job/running/{job_id}" if job_id else address

    def _flink_status(self, found: Manifest) -> JobStatus:
        """As Flink itself sees the job."""
        name, state, rest = found["metadata"]["name"], job_state(found), self._rest(found)
        try:
            run = newest_run(rest, _flink_name(found))
            if run:
                checkpoint = last_checkpoint(rest, run["jid"]).get("external_path")
                status = describe_run(rest, run, checkpoint or _restorable(found), None)
                proven = status.state is JobState.RUNNING and status.last_checkpoint_at > status.submitted_at
                failure = None if proven else worker_failure(self._api, name, _wanted_revision(found))
                if failure:
                    return replace(status, state=JobState.FAILED, last_failure=failure)
                if status.state is JobState.FAILED and not status.last_failure:
                    # Flink says that a job failed some seconds before it says why: it answers from a cache.
                    return replace(status, last_failure=log_failure(self._api, name))
                return status
        except UnreachableError:
            if state is not JobState.FAILED:  # what has failed for good may have no JobManager any more
                raise
        # A script that raised never became a job; only the JobManager's log says what it raised.
        failure = log_failure(self._api, name) if state is JobState.FAILED else None
        return _as_operator_says(found, state, failure or operator_error(found))


def kubernetes_target(client: ApiClient, namespace: str | None, settings: KubernetesSettings) -> KubernetesTarget:
    """Return the target for `namespace`, by default the one of the settings."""
    settings = settings.model_copy(update={"namespace": namespace or settings.namespace})
    return KubernetesTarget(KubernetesApi(client, settings.namespace), settings)


def _revisions_of(found: Manifest) -> set[str | None]:
    return {_wanted_revision(found), reconciled_revision(found)}


def _wanted_revision(found: Manifest) -> str | None:
    revision: str | None = found["metadata"].get("annotations", {}).get(REVISION_KEY)
    return revision


def _operators_work() -> str:
    return "; this is the operator's work: does it run?"


def _flink_name(found: Manifest) -> str:
    name: str = found["spec"]["flinkConfiguration"]["pipeline.name"]
    return name


def _must_be_new(found: Manifest) -> bool:
    """Whether a changed spec would not start the job.

    The operator leaves a failed job as it is, and 1.7.0 brings a suspended one back under its old id, which is refused
    as ended. What it refused before is refused again by the old words until it looks anew.
    """
    ended = job_state(found) is JobState.FAILED or found["spec"]["job"]["state"] == "suspended"
    return ended or not has_run(found)


def _restorable(found: Manifest) -> str | None:
    """What the operator knows, or what we noted when the job was stopped without a savepoint."""
    if found["spec"]["job"]["state"] == "suspended" and found["spec"]["job"]["upgradeMode"] == "stateless":
        noted = found["metadata"].get("annotations", {}).get(STATE_ANNOTATION)
        return noted or savepoint_of(found)
    return savepoint_of(found)


def _as_operator_says(found: Manifest, state: JobState, failure: str | None) -> JobStatus:
    return JobStatus(
        state, _wanted_revision(found), flink_job_id(found), last_failure=failure, restorable_state=_restorable(found)
    )
