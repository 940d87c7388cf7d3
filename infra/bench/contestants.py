"""The contestants of the throughput benchmark: how each is started, when its time begins, and how it is stopped."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import httpx
import psutil

from infra.bench.environments import ensure_environment, ensure_spark_jars
from infra.bench.stack import measured_pipeline, render
from infra.jobs.job import JobSpec, JobState
from infra.jobs.upgrade import ensure_started_from_scratch
from infra.settings import ROOT, Settings, inherited_environment
from infra.setup.java import find_java
from infra.stacks.local import stack as local_stack
from infra.stacks.log_tail import log_tail
from infra.targets.local import local_target

STOP_SECONDS = 10
_READY = re.compile(r"^ready (\d+\.\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """Where a contestant reads and writes: the stack, the source topic, and the prefix of its result topics."""

    settings: Settings
    source: str
    results: str
    scratch: Path

    @property
    def servers(self) -> str:
        """The broker."""
        return local_stack.kafka_endpoint(self.settings).bootstrap_servers


class Running(Protocol):
    """A started contestant."""

    def begun_at(self) -> float | None:
        """Return the time when it started to read, in seconds since the epoch; None as long as it has not."""

    def failure(self) -> str | None:
        """Return why it does not run any more; None while it runs."""

    def finished_at(self) -> float | None:
        """Return the time when it ended on its own with success; None otherwise."""

    def stop(self) -> None:
        """End it."""


@dataclass(frozen=True)
class Contestant:
    """A contestant; `settings` are those of the stack that differ, `verified` is False if it writes no results."""

    name: str
    title: str
    start: Callable[[Place], Running]
    settings: Mapping[str, str] = field(default_factory=dict)
    verified: bool = True


class FlinkRun:
    """A job on the stack's session cluster."""

    def __init__(self, place: Place, job: JobSpec) -> None:
        self._job = job
        self._target = local_target(place.settings)
        self._url = str(local_stack.flink_endpoint(place.settings))
        ensure_started_from_scratch(self._target, job)

    def begun_at(self) -> float | None:
        """Return when the cluster began to deploy the tasks."""
        return self._timestamp("RUNNING")

    def failure(self) -> str | None:
        """Return the newest failure; a benchmark does not wait for a recovery."""
        status = self._target.status(self._job.name)
        if status.failures or status.state in (JobState.FAILED, JobState.MISSING):
            return f"{status.state}: {status.last_failure}"
        return None

    def finished_at(self) -> float | None:
        """Return when a bounded job ended."""
        return self._timestamp("FINISHED")

    def stop(self) -> None:
        """Cancel the job, and delete its job state."""
        self._target.delete(self._job.name)

    def _timestamp(self, state: str) -> float | None:
        job_id = self._target.status(self._job.name).job_id
        if job_id is None:
            return None
        try:
            answer = httpx.get(f"{self._url}/jobs/{job_id}", timeout=10, trust_env=False)
        except httpx.HTTPError:
            return None
        found = answer.json().get("timestamps", {}).get(state, 0)
        return found / 1000 if found else None


class PeerRun:
    """A program of `peers/` in an environment of its own."""

    def __init__(
        self, place: Place, name: str, environment: str, arguments: Sequence[str], variables: Mapping[str, str]
    ) -> None:
        scratch = place.scratch / name
        scratch.mkdir(parents=True, exist_ok=True)
        self._log = scratch / "output.log"
        command = [str(ensure_environment(environment)), "-m", f"infra.bench.peers.{name}", "--servers", place.servers]
        command += ["--source", place.source, "--results", place.results, "--scratch", str(scratch), *arguments]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=scratch,
                env={**inherited_environment(), "PYTHONPATH": str(ROOT), **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def begun_at(self) -> float | None:
        """Return the time that the program has reported."""
        found = _READY.search(self._output())
        return float(found[1]) if found else None

    def failure(self) -> str | None:
        """Return the end of the program's output, if it has ended."""
        code = self._process.poll()
        return None if code is None else f"ended with {code}:\n{log_tail(self._output(), indent='    ')}"

    def finished_at(self) -> float | None:
        """Return None: a peer runs until it is stopped."""
        return None

    def stop(self) -> None:
        """End the program and the processes that it started."""
        with suppress(psutil.NoSuchProcess):
            family = [*psutil.Process(self._process.pid).children(recursive=True), psutil.Process(self._process.pid)]
            for process in reversed(family):
                with suppress(psutil.NoSuchProcess):
                    process.terminate()
            _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
            for process in alive:
                process.kill()
        self._process.wait()

    def _output(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")


def _analytics(name: str, configuration: Mapping[str, str]) -> Callable[[Place], Running]:
    def start(place: Place) -> Running:
        job = render(place.settings, measured_pipeline(), "analytics")
        arguments = {"source_topic": place.source, "results_prefix": place.results, "consumer_group": place.results}
        return FlinkRun(
            place,
            replace(
                job,
                name=name,
                arguments={**job.arguments, **arguments},
                configuration={**job.configuration, **configuration},
            ),
        )

    return start


def _blackhole(place: Place) -> Running:
    folder = ROOT / "infra" / "bench" / "peers" / "flink_blackhole"
    runner = ROOT / "flink_jobs" / "shared" / "run_sql.py"
    arguments = {"source_topic": place.source, "consumer_group": place.results, "bootstrap_servers": place.servers}
    files = {path.name: path.read_bytes() for path in [runner, *folder.glob("*.sql")]}
    options = {"pipeline.object-reuse": "true"}
    return FlinkRun(place, JobSpec("bench.blackhole", runner.name, files, arguments, options, parallelism=2))


def _peer(program: str, environment: str, **variables: str) -> Callable[[Place], Running]:
    return lambda place: PeerRun(place, program, environment, [], variables)


def _spark(place: Place) -> Running:
    jars = ",".join(str(jar) for jar in ensure_spark_jars())
    return PeerRun(place, "pyspark_batches", "pyspark", ["--jars", jars], {"JAVA_HOME": str(find_java().parent.parent)})


def contestants(heap_taskmanager_mb: int | None) -> list[Contestant]:
    """Return all contestants, those with the same settings of the stack next to each other."""
    heap = {"state.backend.type": "hashmap", "execution.checkpointing.incremental": "false"}
    memory = {"flink_taskmanager_memory_mb": str(heap_taskmanager_mb)} if heap_taskmanager_mb else {}
    return [
        Contestant("flink_blackhole", "Flink, JSON to blackhole", _blackhole, verified=False),
        Contestant("analytics", "analytics", _analytics("bench.analytics", {})),
        Contestant("analytics_heap", "analytics, state on the heap", _analytics("bench.analytics_heap", heap), memory),
        Contestant("python", "hand-written Python", _peer("python_consumer", "python")),
        Contestant("bytewax", "bytewax", _peer("bytewax_flow", "bytewax")),
        Contestant("pathway", "pathway", _peer("pathway_tables", "pathway", PATHWAY_THREADS="2")),
        Contestant("pyspark", "pyspark", _spark),
        Contestant("quixstreams", "quixstreams", _peer("quixstreams_app", "quixstreams")),
    ]


PEERS = ("quixstreams", "bytewax", "pathway", "pyspark")
