"""What a target is: the place where jobs run, behind six verbs; and the plain values that go in and out.

`local` is a `session`, and there are `kubernetes` and `memory`; one contract suite runs against each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

Change = Literal["created", "changed", "unchanged"]


class JobState(StrEnum):
    """Flink's job states, folded to what a deployment must tell apart."""

    MISSING = "MISSING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    RESTARTING = "RESTARTING"
    FAILED = "FAILED"
    STOPPED = "STOPPED"

    @property
    def alive(self) -> bool:
        """Whether the platform keeps the job going by itself."""
        return self in (JobState.STARTING, JobState.RUNNING, JobState.RESTARTING)


@dataclass(frozen=True)
class JobDeployment:
    """A job as it must run: all that a target needs to know of it.

    `files` are the bundle by file name; `secrets` are environment variables of the process that plans the job, and no
    part of the revision, so that a new password alone restarts nothing.
    """

    name: str
    script: str
    files: Mapping[str, bytes]
    arguments: Mapping[str, str]
    configuration: Mapping[str, str]
    parallelism: int
    image: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def revision(self) -> str:
        """The content hash of scripts, SQL, arguments, image and configuration: 12 hexadecimal digits."""
        digest = hashlib.sha256()
        facts = [self.name, self.script, dict(self.arguments), dict(self.configuration), self.parallelism, self.image]
        digest.update(json.dumps(facts, sort_keys=True).encode())
        for name, content in sorted(self.files.items()):
            digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:12]


@dataclass(frozen=True)
class JobStatus:
    """A job as its platform sees it.

    Times are milliseconds since the epoch. `failures` counts the failures since the last completed checkpoint, or since
    the submission where there is none. `restorable_state` is the newest savepoint or retained checkpoint.
    """

    state: JobState
    revision: str | None = None
    job_id: str | None = None
    submitted_at: int = 0
    last_checkpoint_at: int = 0
    failures: int = 0
    last_failure_at: int = 0
    last_failure: str | None = None
    restorable_state: str | None = None
    url: str | None = None


class Target(Protocol):
    """Where jobs run. Every verb is safe to repeat.

    `image` is the container image of its jobs, empty where none is. Where `upgrades_in_place`, submitting another
    revision of a running job takes the savepoint and starts from it; elsewhere the caller stops the job first.
    """

    name: str
    image: str
    upgrades_in_place: bool

    def ensure_scripts(self, job: JobDeployment) -> Change:
        """Puts the bundle of the job's revision where `submit` finds it."""

    def submit(self, job: JobDeployment, savepoint: str | None = None) -> str:
        """Starts the job, from a saved state where one is given; returns the platform's id of it."""

    def status(self, job_name: str) -> JobStatus:
        """The newest run of the job; state MISSING where the platform knows none."""

    def stop(self, job_name: str, savepoint: bool) -> str | None:
        """Stops the job and returns the path of its savepoint, if one was asked for."""

    def logs(self, job_name: str) -> str:
        """The last lines that say most about the job's failure."""

    def delete(self, job_name: str) -> None:
        """Stops the job and removes its scripts and all its saved state."""
