"""A job as plain values: its desired state (`JobSpec`) and its observed state (`JobStatus`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from infra.plan import shown_value

Change = Literal["created", "changed", "unchanged"]


class JobState(StrEnum):
    """Flink's job states, reduced to those that a deployment must distinguish."""

    MISSING = "MISSING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    RESTARTING = "RESTARTING"
    FAILED = "FAILED"
    STOPPED = "STOPPED"

    @property
    def alive(self) -> bool:
        """True while the cluster keeps the job running without help."""
        return self in (JobState.STARTING, JobState.RUNNING, JobState.RESTARTING)


@dataclass(frozen=True)
class Secret:
    """A secret of a job: the name and key of the Kubernetes Secret, and the value that it has, or a file that has it.

    `kubernetes` mounts the Secret, and other targets write the value to a file. `repr` omits the value.
    """

    name: str
    key: str
    value: str = field(default="", repr=False)
    file: str = ""


@dataclass(frozen=True)
class JobSpec:
    """The desired state of one job: everything that a target requires to run it.

    `files` are the job scripts by file name. `secrets` are files `<Secret>/<key>` for the processes of the job, and the
    arguments refer to them. They are not part of the revision, so a new password restarts nothing.
    """

    name: str
    script: str
    files: Mapping[str, bytes]
    arguments: Mapping[str, str]
    configuration: Mapping[str, str]
    parallelism: int
    image: str = ""
    secrets: tuple[Secret, ...] = field(default=(), repr=False)

    @property
    def revision(self) -> str:
        """The content hash of scripts, arguments, image and configuration: 12 hexadecimal digits."""
        digest = hashlib.sha256()
        facts = [self.name, self.script, dict(self.arguments), dict(self.configuration), self.parallelism, self.image]
        digest.update(json.dumps(facts, sort_keys=True).encode())
        for name, content in sorted(self.files.items()):
            digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:12]

    def facts(self) -> dict[str, str]:
        """Return what a revision consists of besides its job scripts, for people; values of credentials are hidden."""
        return {
            "script": self.script,
            "image": self.image,
            "parallelism": str(self.parallelism),
            **{f"arguments.{name}": shown_value(name, value) for name, value in self.arguments.items()},
            **{f"configuration.{name}": shown_value(name, value) for name, value in self.configuration.items()},
        }


@dataclass(frozen=True)
class StoredJob:
    """What a target keeps of a revision: its job scripts by file name, and the facts of its `JobSpec`.

    `facts` is None if a release stored the revision that did not keep them.
    """

    files: Mapping[str, bytes]
    facts: Mapping[str, str] | None = None


@dataclass(frozen=True)
class JobStatus:
    """The observed state of a job.

    Times are milliseconds since the epoch, of the cluster's clock: `observed_at` is when it reported this, and
    `failed_at` has every failure of the run in ascending order. `checkpoint_ms` is how long the last checkpoint
    took, and `checkpoint_interval_ms` the pause between two. `failures` counts the failures since the last
    completed checkpoint, or since the submission if there is none. `restorable_state` is the newest savepoint or
    retained checkpoint. `out_of_memory` has how the job ran out of memory since its last checkpoint, and the
    setting to raise; None if it did not.
    """

    state: JobState
    revision: str | None = None
    job_id: str | None = None
    submitted_at: int = 0
    last_checkpoint_at: int = 0
    failures: int = 0
    observed_at: int = 0
    checkpoint_ms: int = 0
    checkpoint_interval_ms: int = 0
    failed_at: tuple[int, ...] = ()
    last_failure_at: int = 0
    last_failure: str | None = None
    restorable_state: str | None = None
    out_of_memory: str | None = None
    url: str | None = None
