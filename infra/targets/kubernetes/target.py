"""The target `kubernetes`: a FlinkDeployment for each job, in application mode.

The resource is the desired state, which the operator reconciles. The job's own REST API, through the API server's
proxy, reports the observed state: revision, checkpoints and failures. The status of the resource is not enough.
"""

from __future__ import annotations

from dataclasses import replace

from kubernetes.client import ApiClient

from infra.errors import JobFailedError, SetupError, UnreachableError
from infra.flink.rest import SAVEPOINT_TIMEOUT_SECONDS, FlinkRest
from infra.jobs.flink_status import STATES, describe_run, last_checkpoint, newest_run
from infra.jobs.job import Change, JobSpec, JobState, JobStatus, StoredJob
from infra.settings import KubernetesSettings
from infra.targets.kubernetes.api import FIELD_MANAGER, KubernetesApi, Manifest
from infra.targets.kubernetes.diagnosis import (
    LOG_LINES,
    Patience,
    log_failure,
    out_of_memory,
    pod_failure,
    relevant_lines,
    worker_failure,
    worker_log,
)
from infra.targets.kubernetes.manifests import (
    CONTAINER,
    KEPT_REVISIONS,
    REVISION_KEY,
    SECRETS,
    STATE_ANNOTATION,
    labels,
    read_config_map,
    render_config_map,
    render_flink_deployment,
    resource_name,
    scripts_name,
)
from infra.targets.kubernetes.operator_facts import read_operator_facts
from infra.targets.kubernetes.preflight import check_operator
from infra.targets.kubernetes.reconciled import (
    applied_at,
    desired_revision,
    flink_job_id,
    flink_name,
    has_started,
    is_reconciled,
    job_state,
    must_be_new,
    operator_error,
    reconciled_revision,
    rejection,
    restorable_state,
    savepoint_of,
    was_reconciled,
)
from infra.targets.kubernetes.snapshots import delete_snapshots, snapshots_of
from infra.waiting import wait_until

KIND = "FlinkDeployment"
REST_PORT = 8081
SUBMIT_SECONDS = 120


class KubernetesTarget:
    """Run jobs in one namespace of a cluster, which the Flink Kubernetes Operator watches."""

    name = "kubernetes"
    upgrades_in_place = True
    shares_task_managers = False
    secrets = SECRETS

    def __init__(self, api: KubernetesApi, settings: KubernetesSettings, patience: Patience | None = None) -> None:
        self._api = api
        self._settings = settings
        self._patience = patience or Patience()
        self.image = settings.image

    def check_ready(self) -> list[str]:
        """Check, before anything is created, that an operator can run jobs here, and return a line for each fact.

        SetupError or PreflightError names what is missing.
        """
        return check_operator(read_operator_facts(self._api), self._api.namespace, self._settings.flink_version)

    def ensure_scripts(self, job: JobSpec) -> Change:
        """Create the ConfigMap of the revision if it is missing, and delete old ones."""
        change = self.preview_scripts(job)
        if change == "created":
            self._api.apply(render_config_map(job, self._settings))
            self._prune_scripts(job)
        return change

    def preview_scripts(self, job: JobSpec) -> Change:
        """Return whether the ConfigMap of the revision is missing; DefinitionError if it would be too large."""
        if self.stored(job.name, job.revision):
            return "unchanged"
        render_config_map(job, self._settings)
        return "created"

    def stored(self, job_name: str, revision: str) -> StoredJob | None:
        """Return the content of the ConfigMap that is named after the revision."""
        found = self._api.get("ConfigMap", scripts_name(job_name, revision))
        return read_config_map(found) if found else None

    def submit(self, job: JobSpec, savepoint: str | None = None) -> str:
        """Apply the FlinkDeployment and return Flink's id of the job; JobFailedError if the operator rejects it.

        A job that has ended gets a new resource, which starts from `savepoint`; else the operator upgrades it.
        """
        name = resource_name(job.name)
        if self.stored(job.name, job.revision) is None:
            raise JobFailedError(
                f"{job.name} could not be submitted: revision {job.revision} does not have its job scripts. "
                "Deploy the pipeline."
            )
        found = self._api.get(KIND, name)
        if found and (must_be_new(found) or self._has_ended(found) or self._cannot_start(found)):
            # A job that has just ended was still alive when the caller looked for its job state.
            savepoint = savepoint or self.status(job.name).restorable_state
            self._remove(name)
            found = None
        self._api.apply(render_flink_deployment(job, self._settings, None if found else savepoint))

        return self._started_id(job, SUBMIT_SECONDS + (SAVEPOINT_TIMEOUT_SECONDS if found else 0))

    def _started_id(self, job: JobSpec, seconds: float) -> str:
        """Wait until the operator has started the job from the current spec, and return Flink's id of it.

        Newer operators choose a new id at each start, so the resource has the old one until the savepoint is taken.
        """
        name = resource_name(job.name)
        seen: Manifest = {}

        def started() -> str | None:
            nonlocal seen
            seen = self._api.get(KIND, name) or {}
            rejected = rejection(seen, FIELD_MANAGER) if seen else None
            if rejected:
                raise JobFailedError(f"{job.name} could not be submitted: {rejected}")
            self._check_reconciled(seen)
            return flink_job_id(seen) if seen and is_reconciled(seen) else None

        def hint() -> str:
            return operator_error(seen) or _operator_hint()

        return wait_until(started, f"the operator to start {job.name}", seconds, hint=hint)

    def status(self, job_name: str) -> JobStatus:
        """Return the status that Flink reports, or that of operator and pods while Flink does not run the job."""
        name = resource_name(job_name)
        found = self._api.get(KIND, name)
        if found is None:
            return JobStatus(JobState.MISSING)
        if found["spec"]["job"]["state"] == "suspended":
            return JobStatus(JobState.STOPPED, reconciled_revision(found), restorable_state=restorable_state(found))
        status = self._running_status(found)
        # A failed job may no longer have a JobManager, and therefore no page.
        return replace(status, url=self._url(found)) if status.state.alive else status

    def _running_status(self, found: Manifest) -> JobStatus:
        """Return the status of a job that is expected to run, without its link."""
        name = found["metadata"]["name"]
        self._check_reconciled(found)
        desired, applied = desired_revision(found), applied_at(found, FIELD_MANAGER)
        failure = rejection(found, FIELD_MANAGER) or pod_failure(self._api, name, desired, self._patience, applied)
        if failure:
            return _operator_status(found, JobState.FAILED, failure)
        if not is_reconciled(found) or job_state(found) is JobState.STARTING:
            status = _operator_status(found, JobState.STARTING, operator_error(found))
            if not is_reconciled(found):  # the id can still be that of the run before
                status = replace(status, job_id=None)
            return self._with_worker_failure(found, status)
        return self._flink_status(found)

    def stop(self, job_name: str, savepoint: bool) -> str | None:
        """Suspend the FlinkDeployment, and return the path of the savepoint if one was requested."""
        name = resource_name(job_name)
        found = self._api.get(KIND, name)
        if found is None or found["spec"]["job"]["state"] == "suspended" or job_state(found) is JobState.FAILED:
            return None
        mode = "savepoint" if savepoint else "stateless"
        change: Manifest = {"spec": {"job": {"state": "suspended", "upgradeMode": mode}}}
        if not savepoint:  # the operator drops the checkpoint from the status, but its files stay
            change["metadata"] = {"annotations": {STATE_ANNOTATION: self._last_checkpoint(found)}}
        self._api.patch(KIND, name, change)

        def suspended() -> Manifest | None:
            seen = self._api.get(KIND, name) or {}
            if operator_error(seen) not in (None, operator_error(found)):
                raise JobFailedError(f"{job_name} could not be suspended: {operator_error(seen)}")
            return seen if is_reconciled(seen) and seen["status"].get("lifecycleState") == "SUSPENDED" else None

        seen = wait_until(suspended, f"{job_name} to be suspended", SAVEPOINT_TIMEOUT_SECONDS, 1, _operator_hint)
        return savepoint_of(seen) if savepoint else None

    def logs(self, job_name: str) -> str:
        """Return the relevant log lines of every pod of the job."""
        lines = []
        for pod in self._pods(resource_name(job_name)):
            log = self._api.log(pod["metadata"]["name"], CONTAINER, LOG_LINES)
            lines.append(f"--- {pod['metadata']['name']}\n{relevant_lines(log)}")
        return "\n".join(lines) or f"{job_name} does not have a pod"

    def delete(self, job_name: str) -> None:
        """Delete the resource, its savepoints and the job scripts; files of job state stay, but nothing uses them."""
        name = resource_name(job_name)
        self._remove(name)
        delete_snapshots(self._api, snapshots_of(self._api, name))
        deleted = f"the savepoints of {name} to be deleted"
        wait_until(lambda: not snapshots_of(self._api, name), deleted, SAVEPOINT_TIMEOUT_SECONDS, 1, _operator_hint)
        for config_map in self._scripts(job_name):
            self._api.delete("ConfigMap", config_map["metadata"]["name"])

    def _remove(self, name: str) -> None:
        self._api.delete(KIND, name)
        deleted = f"{name} to be deleted"
        wait_until(lambda: self._api.get(KIND, name) is None, deleted, SAVEPOINT_TIMEOUT_SECONDS, 1, _operator_hint)

    def _pods(self, name: str) -> list[Manifest]:
        return self._api.list("Pod", f"app={name}")

    def _scripts(self, job_name: str) -> list[Manifest]:
        return self._api.list("ConfigMap", ",".join(f"{key}={value}" for key, value in labels(job_name).items()))

    def _prune_scripts(self, job: JobSpec) -> None:
        """Delete old ConfigMaps, except the newest and those of the revisions that the job runs or is about to run.

        The revision of a stopped job, whose savepoint it belongs to, stays too.
        """
        found = self._api.get(KIND, resource_name(job.name))
        used = {job.revision, *((desired_revision(found), reconciled_revision(found)) if found else ())}
        config_maps = sorted(self._scripts(job.name), key=lambda item: int(item["metadata"]["resourceVersion"]))
        for config_map in config_maps[:-KEPT_REVISIONS]:
            if config_map["metadata"].get("annotations", {}).get(REVISION_KEY) not in used:
                self._api.delete("ConfigMap", config_map["metadata"]["name"])

    def _check_reconciled(self, found: Manifest) -> None:
        """Check that an operator reconciles the resource; SetupError if none ever has, and it is not new."""
        if not found or was_reconciled(found):
            return
        age = (self._api.now - applied_at(found, FIELD_MANAGER)).total_seconds()
        if age >= self._patience.unreconciled:
            raise SetupError(
                f"no operator has reconciled FlinkDeployment {found['metadata']['name']} for {age:.0f} s. Expected a "
                f"Flink Kubernetes Operator that runs and watches namespace {self._api.namespace}. Install or fix it."
            )

    def _rest(self, found: Manifest) -> FlinkRest:
        service = f"{found['metadata']['name']}-rest"
        return FlinkRest(f"service {service}", fetch=lambda path: self._api.service(service, REST_PORT, path))

    def _last_checkpoint(self, found: Manifest) -> str | None:
        """Return the path of the last checkpoint; None if there is none, or if no JobManager answers."""
        rest = self._rest(found)
        try:
            run = newest_run(rest, flink_name(found))
            return last_checkpoint(rest, run["jid"]).get("external_path") if run else None
        except UnreachableError:
            return None

    def _has_ended(self, found: Manifest) -> bool:
        """Return whether Flink reports the job as ended, which the operator notices only seconds later."""
        try:
            run = newest_run(self._rest(found), flink_name(found))
        except UnreachableError:
            return False
        return run is not None and STATES[run["state"]] in (JobState.FAILED, JobState.STOPPED)

    def _cannot_start(self, found: Manifest) -> bool:
        """Return whether the job has never started, and its pods will not without help.

        The operator replaces such a pod only if Kubernetes reported it as unavailable in the second of its creation,
        and otherwise waits for it forever. On a busy cluster that takes longer.
        """
        if has_started(found):
            return False
        applied, revision = applied_at(found, FIELD_MANAGER), desired_revision(found)
        return pod_failure(self._api, found["metadata"]["name"], revision, self._patience, applied) is not None

    def _url(self, found: Manifest) -> str:
        """Return the address of the job's page in its Flink UI."""
        service, job_id = f"{found['metadata']['name']}-rest", flink_job_id(found)
        address = self._settings.ui.format(service=service, namespace=self._api.namespace).rstrip("/")
        return f"{address}/#/job/running/{job_id}" if job_id else address

    def _flink_status(self, found: Manifest) -> JobStatus:
        """Return the status that Flink itself reports; the operator's if a failed job no longer has a JobManager."""
        name, state, rest = found["metadata"]["name"], job_state(found), self._rest(found)
        try:
            run = newest_run(rest, flink_name(found))
            if run:
                checkpoint = last_checkpoint(rest, run["jid"]).get("external_path")
                status = describe_run(rest, run, checkpoint or restorable_state(found), None, self._memory_fix())
                if status.state is JobState.STOPPED and state.alive:
                    # Its autoscaler stops a job and starts it with another parallelism; a moment later the operator
                    # reports that it upgrades the job, or that the job has ended.
                    return replace(status, state=JobState.RESTARTING)
                if status.out_of_memory:
                    return replace(status, state=JobState.FAILED)  # the next deployment must apply the raised setting
                if not (status.state is JobState.RUNNING and status.last_checkpoint_at > status.submitted_at):
                    status = self._with_worker_failure(found, status)
                if status.state is JobState.FAILED and not status.last_failure:
                    # Flink reports a failed job some seconds before its exception, because it caches exceptions.
                    return replace(status, last_failure=log_failure(self._api, name))
                return status
        except UnreachableError:
            if state is not JobState.FAILED:  # a job that has failed for good may no longer have a JobManager
                raise
        # A script that raised never became a job, so only the JobManager's log has its exception.
        failure = log_failure(self._api, name) if state is JobState.FAILED else None
        return _operator_status(found, state, failure or operator_error(found))

    def _with_worker_failure(self, found: Manifest, status: JobStatus) -> JobStatus:
        """Return the status with the state FAILED if its TaskManagers will not keep running without help."""
        name, applied = found["metadata"]["name"], applied_at(found, FIELD_MANAGER)
        log = worker_log(self._api, name, desired_revision(found), applied)
        full, failure = out_of_memory(log), worker_failure(log)
        if full:
            return replace(status, state=JobState.FAILED, out_of_memory=f"{full}. {self._memory_fix()}")
        return replace(status, state=JobState.FAILED, last_failure=failure) if failure else status

    def _memory_fix(self) -> str:
        memory_mb = self._settings.taskmanager_memory_mb
        return f"taskmanager_memory_mb of [kubernetes] is {memory_mb}. Raise it in the settings, and deploy again"


def kubernetes_target(client: ApiClient, namespace: str | None, settings: KubernetesSettings) -> KubernetesTarget:
    """Return the target for `namespace`, by default the one of the settings."""
    settings = settings.model_copy(update={"namespace": namespace or settings.namespace})
    return KubernetesTarget(KubernetesApi(client, settings.namespace), settings)


def _operator_hint() -> str:
    return "(the operator does this; check that it runs)"


def _operator_status(found: Manifest, state: JobState, failure: str | None) -> JobStatus:
    return JobStatus(
        state,
        desired_revision(found),
        flink_job_id(found),
        last_failure=failure,
        restorable_state=restorable_state(found),
    )
