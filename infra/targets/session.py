"""Jobs on a Flink session cluster, submitted with Flink's command line: the target `session`, and the base of `local`.

A job's revision is one of its global job parameters, so Flink itself reports it and no other record is kept. A cluster
without high availability loses its jobs when the JobManager ends; a deployment then starts them from the newest
checkpoint on disk.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.errors import JobFailedError
from infra.flink.cli import submit_failure, without_frames
from infra.flink.rest import FlinkRest
from infra.jobs.flink_status import describe_run, live_runs, newest_run
from infra.jobs.health import state_mismatch
from infra.jobs.job import Change, JobSpec, JobState, JobStatus, StoredJob
from infra.jobs.options import OUT_OF_MEMORY_FILE, identity_options
from infra.settings import Settings, inherited_environment
from infra.targets.secret_files import write_secrets
from infra.waiting import wait_until

SUBMIT_TIMEOUT_SECONDS = 300
# A run reports its revision once it is initialized.
REVISION_SECONDS = 60
# Flink's own option for an id that is chosen before the submission, as its application mode uses it.
JOB_ID_OPTION = "$internal.pipeline.job-id"


class _DuplicateIdError(Exception):
    """The cluster has had a job with this id."""


@dataclass(frozen=True)
class FlinkClient:
    """Flink's command line: its program, and the environment to run it in."""

    program: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class SessionCluster:
    """The addresses and folders of a session cluster.

    `ui` is the address of its web interface for people. Only `client` reads `scripts`. `state` is a folder with the
    same path for the JobManager, the TaskManagers and this process, which looks for job state in it. `memory_setting`
    names the setting of a TaskManager's memory, and `memory_raise` says how to raise it.
    """

    url: str
    ui: str
    scripts: Path
    state: Path
    client: Callable[[], FlinkClient]
    memory_setting: str
    memory_raise: str


class SessionTarget:
    """Run jobs on a session cluster."""

    image = ""
    upgrades_in_place = False
    shares_task_managers = True

    def __init__(self, cluster: SessionCluster, name: str = "session") -> None:
        self.name = name
        self._client = cluster.client
        self._rest = FlinkRest(cluster.url)
        self._ui = cluster.ui.rstrip("/")
        self._scripts = cluster.scripts
        self.secrets = str(cluster.state / "secrets")
        self._state = [cluster.state / kind for kind in ("checkpoints", "savepoints")]
        self._heap_full = cluster.state / OUT_OF_MEMORY_FILE
        self._memory_setting, self._memory_raise = cluster.memory_setting, cluster.memory_raise
        self._memory_mb: int | None = None

    def ensure_scripts(self, job: JobSpec) -> Change:
        """Write the job scripts to a folder named after the revision, if it does not exist, and the current secrets."""
        write_secrets(job, Path(self.secrets) / job.name)
        folder, change = self._folder(job.name, job.revision), self.preview_scripts(job)
        if change == "unchanged":
            return change
        staging = folder.with_suffix(".staging")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        for name, content in job.files.items():
            (staging / name).write_bytes(content)
        # Next to the folder, in which a job script would find it.
        _facts_file(folder).write_text(json.dumps(job.facts(), indent=1), encoding="utf-8")
        staging.rename(folder)  # a folder with the revision's name is always complete
        return change

    def preview_scripts(self, job: JobSpec) -> Change:
        """Return whether the folder of the revision is missing."""
        return "unchanged" if self._folder(job.name, job.revision).is_dir() else "created"

    def stored(self, job_name: str, revision: str) -> StoredJob | None:
        """Return the files of the folder that is named after the revision."""
        folder = self._folder(job_name, revision)
        if not folder.is_dir():
            return None
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
        facts = _facts_file(folder)
        return StoredJob(files, json.loads(facts.read_text(encoding="utf-8")) if facts.is_file() else None)

    def submit(self, job: JobSpec, savepoint: str | None = None) -> str:
        """Submit the job with `flink run` and return its id; if it runs at its revision, only return its id.

        The id follows from the name and from what ran before, and Flink takes an id once. So of two submissions at the
        same time one is rejected, and after a client that failed it shows whether Flink has taken the job.
        JobFailedError if the submission fails, or another revision runs; StateMismatchError if the savepoint does not
        fit.
        """
        for attempt in itertools.count():
            live = live_runs(self._rest, job.name)
            if live:
                return self._adopted(job, live[-1]["jid"])
            before = newest_run(self._rest, job.name)
            job_id = _job_id(job.name, before["jid"] if before else "", savepoint or "", attempt)
            try:
                self._run_client(job, job_id, savepoint)
            except _DuplicateIdError:
                continue  # of another submission, or of a run that the cluster remembers and no longer lists
            except JobFailedError:
                if all(run["jid"] != job_id for run in self._rest.jobs()):
                    raise
            return job_id
        raise AssertionError("unreachable")

    def _adopted(self, job: JobSpec, job_id: str) -> str:
        """Return the id of a run that another submission has started; JobFailedError if it has another revision."""
        what = f"the revision of job {job_id}"
        revision = wait_until(lambda: self._rest.job_parameters(job_id).get("revision"), what, REVISION_SECONDS)
        if revision != job.revision:
            raise JobFailedError(
                f"{job.name} could not be submitted at revision {job.revision}: it runs at revision {revision} as job "
                f"{job_id}, which another deployment started. Deploy again, one deployment at a time."
            )
        return job_id

    def _run_client(self, job: JobSpec, job_id: str, savepoint: str | None) -> None:
        client = self._client()
        command = [str(client.program), *self._submit_arguments(job, job_id, savepoint)]
        try:
            result = subprocess.run(
                command, env=client.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=SUBMIT_TIMEOUT_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise JobFailedError(
                f"{job.name} could not be submitted: `flink run` did not end within {error.timeout:.0f} s. "
                "Check the load of the cluster, then deploy again."
            ) from None
        if result.returncode != 0 or f"JobID {job_id}" not in result.stdout:
            if "DuplicateJobSubmissionException" in result.stdout + result.stderr:
                raise _DuplicateIdError
            cause, lines = submit_failure(result.stdout + result.stderr)
            mismatch = state_mismatch(job.name, cause, savepoint)
            raise mismatch or JobFailedError(f"{job.name} could not be submitted: {cause}\n{lines}")

    def status(self, job_name: str) -> JobStatus:
        """Return the status of the newest run; the restorable state is the newest one on disk.

        JobFailedError names the runs if the cluster keeps several of this name going.
        """
        live = [run["jid"] for run in live_runs(self._rest, job_name)]
        if len(live) > 1:
            raise JobFailedError(
                f"{job_name} runs {len(live)} times on {self._ui}, as the jobs {', '.join(live)}. Expected one, "
                'because they write the same topics. Deploy with the param {"start_from": "scratch"}, which ends all '
                "of them, or cancel all but one in Flink's UI, and check the outputs."
            )
        run, restorable = newest_run(self._rest, job_name), self.newest_state(job_name)
        if run is None:
            return JobStatus(JobState.MISSING, restorable_state=restorable)
        url = f"{self._ui}/#/job/running/{run['jid']}"
        return describe_run(self._rest, run, restorable, url, self._memory_fix(), self._heap_full_at())

    def stop(self, job_name: str, savepoint: bool) -> str | None:
        """Stop the job with a savepoint and return its path, or cancel the job and wait until it has ended."""
        if savepoint:
            status = self.status(job_name)
            if not status.state.alive or status.job_id is None:
                return None
            path = self._rest.stop_with_savepoint(status.job_id, self._state[1] / job_name)
            wait_until(lambda: not live_runs(self._rest, job_name), f"job {job_name} to stop", timeout_seconds=60)
            return path
        for run in live_runs(self._rest, job_name):
            self._rest.cancel(run["jid"])
        wait_until(lambda: not live_runs(self._rest, job_name), f"job {job_name} to stop", timeout_seconds=60)
        return None

    def logs(self, job_name: str) -> str:
        """Return the start of the newest exception that Flink recorded."""
        status = self.status(job_name)
        failures = self._rest.exceptions(status.job_id) if status.job_id else []
        return without_frames(failures[0]["stacktrace"]) if failures else f"{job_name}: Flink recorded no exception"

    def delete(self, job_name: str) -> None:
        """Cancel the job, and delete its job scripts, secrets, checkpoints and savepoints."""
        self.stop(job_name, savepoint=False)
        for folder in (self._scripts, Path(self.secrets), *self._state):
            shutil.rmtree(folder / job_name, ignore_errors=True)

    def _folder(self, job_name: str, revision: str) -> Path:
        return self._scripts / job_name / revision

    def _submit_arguments(self, job: JobSpec, job_id: str, savepoint: str | None) -> list[str]:
        folder = self._folder(job.name, job.revision)
        options: Mapping[str, str] = {
            **job.configuration,
            **identity_options(job),
            JOB_ID_OPTION: job_id,
            "parallelism.default": str(job.parallelism),
            "execution.checkpointing.dir": (self._state[0] / job.name).as_uri(),
        }
        command = ["run", "--detached", "--jobmanager", urlsplit(self._rest.url).netloc]
        command += [f"-D{option}={value}" for option, value in options.items()]
        command += ["--fromSavepoint", savepoint] if savepoint else []
        modules = [str(folder / name) for name in job.files if name.endswith(".py") and name != job.script]
        command += ["--pyFiles", ",".join(modules)] if modules else []
        command += ["--python", str(folder / job.script), "--scripts", str(folder)]
        for name, value in job.arguments.items():
            command += [f"--{name}", value]
        return command

    def _heap_full_at(self) -> int:
        """Return when a TaskManager last ended because its heap was full, in ms; 0 if none ever did."""
        with suppress(FileNotFoundError):
            return self._heap_full.stat().st_mtime_ns // 10**6
        return 0

    def _memory_fix(self) -> str:
        """Return the setting to raise and its value, which is remembered for the time without a TaskManager."""
        self._memory_mb = self._rest.task_manager_mb() or self._memory_mb
        value = f", which is {self._memory_mb} MiB" if self._memory_mb else ""
        return f"All jobs share {self._memory_setting}{value}. {self._memory_raise}, and deploy again"

    def newest_state(self, job_name: str) -> str | None:
        """Return the newest savepoint or retained checkpoint on disk; None if there is none."""
        found = [state for root in self._state for state in _job_states(root / job_name)]
        return max(found)[1] if found else None


def _facts_file(folder: Path) -> Path:
    return folder.with_suffix(".json")


def _job_id(name: str, before: str, savepoint: str, attempt: int) -> str:
    """Return the id of the run that follows another one; submissions that do not know of each other choose the same."""
    return hashlib.sha256("\0".join((name, before, savepoint, str(attempt))).encode()).hexdigest()[:32]


def session_target(settings: Settings) -> SessionTarget:
    """Return the target for the session cluster of the settings."""
    session = settings.session
    folder, home = Path(session.dir), Path(session.flink_home)

    def client() -> FlinkClient:
        environment = {"FLINK_HOME": str(home), "FLINK_LOG_DIR": str(settings.data_dir / "logs")}
        return FlinkClient(home / "bin" / "flink", {**inherited_environment(), **environment})

    url = f"http://{session.host}:{session.port}"
    return SessionTarget(
        SessionCluster(
            url, session.ui, folder / "jobs", folder, client,
            memory_setting="taskmanager.memory.process.size",
            memory_raise="Raise it, with Docker Compose as TASKMANAGER_MEMORY",
        )
    )  # fmt: skip


def _job_states(root: Path) -> Iterator[tuple[float, str]]:
    """Yield time and path of each complete checkpoint or savepoint.

    A running job deletes its old checkpoints at the same time; a deleted one is never the newest.
    """
    for folder, _, files in os.walk(root):  # skips deleted folders, which glob does not
        if "_metadata" in files:
            with suppress(FileNotFoundError):
                yield (Path(folder) / "_metadata").stat().st_mtime, folder
