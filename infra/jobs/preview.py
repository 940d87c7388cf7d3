"""What a deployment would do with a job: its job scripts, its captured tables, and the job itself.

It compares as `ensure_scripts` and `ensure_running` do, and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import Any

from infra.errors import TerminalError
from infra.jobs.job import JobSpec, JobState, JobStatus, StoredJob
from infra.jobs.render import TABLES_FILE
from infra.jobs.target import Target
from infra.jobs.upgrade import Step, next_step
from infra.plan import Action, PlannedChange, compared, refused

# Lines of the diff of one job script; a longer one would hide the rest of the plan.
MAX_DIFF_LINES = 200
_STATE_NOT_CHECKED = "job state: not checked whether it fits; Flink decides when the job starts"


def preview_job(
    target: Target, job: JobSpec, topic_prefix: str = "", emptied: Sequence[str] | None = None
) -> list[PlannedChange]:
    """Return what a deployment would do with the captured tables, the scripts and the run of a job.

    `topic_prefix` begins the names of the topics of captured tables. `emptied` are the topics that a start from scratch
    empties; None if the job keeps its job state. A transient error is raised.
    """
    try:
        status = target.status(job.name)
        running = target.stored(job.name, status.revision) if status.revision else None
    except TerminalError as error:
        return [refused("job", job.name, error)]
    return [
        *_preview_tables(job, running, topic_prefix),
        compared("scripts", job.name, lambda: _preview_scripts(target, job, status, running)),
        _preview_run(job, status, running, emptied),
    ]


def _preview_scripts(target: Target, job: JobSpec, status: JobStatus, running: StoredJob | None) -> PlannedChange:
    """Return whether the scripts of the revision are stored, and how they differ from those of the job that runs."""
    is_stored = target.preview_scripts(job) == "unchanged"
    summary = f"revision {job.revision}, {len(job.files)} files"
    if status.revision in (None, job.revision):
        return PlannedChange("scripts", job.name, Action.UNCHANGED if is_stored else Action.CREATE, summary)
    action = Action.UNCHANGED if is_stored else Action.CHANGE
    if running is None:
        return PlannedChange("scripts", job.name, action, summary, (_not_compared(status),))
    diff = tuple(line for name in _names(job, running) for line in _diff(name, running.files, job.files))
    return PlannedChange("scripts", job.name, action, f"revision {status.revision} to {job.revision}", diff)


def _preview_run(
    job: JobSpec, status: JobStatus, running: StoredJob | None, emptied: Sequence[str] | None
) -> PlannedChange:
    """Return what `ensure_running` would do, or `ensure_started_from_scratch` if topics are emptied."""
    if emptied is not None:
        exists = status.state is not JobState.MISSING or status.restorable_state
        summary = f"start from scratch at revision {job.revision}, without job state"
        details = tuple(f"deletes every record of topic {topic}" for topic in emptied)
        return PlannedChange("job", job.name, Action.CHANGE if exists else Action.CREATE, summary, details)
    step = next_step(job, status)
    if step is Step.NONE:
        is_running = f"{status.state} at revision {job.revision} as job {status.job_id}"
        return PlannedChange("job", job.name, Action.UNCHANGED, is_running)
    if step is Step.START:
        image = f", image {job.image}" if job.image else ""
        summary = f"start at revision {job.revision}, parallelism {job.parallelism}{image}"
        return PlannedChange("job", job.name, Action.CREATE, summary)
    details = (*_changed_facts(job, status, running), _STATE_NOT_CHECKED)
    if step is Step.UPGRADE:
        summary = f"upgrade from revision {status.revision} to {job.revision} through a savepoint"
        if status.failures:  # as `ensure_running` does
            summary += ", or from its last checkpoint if it cannot take one"
        return PlannedChange("job", job.name, Action.CHANGE, summary, details)
    summary = f"is {status.state}, start again at revision {job.revision} from {status.restorable_state}"
    return PlannedChange("job", job.name, Action.CHANGE, summary, details)


def _changed_facts(job: JobSpec, status: JobStatus, running: StoredJob | None) -> Iterator[str]:
    """Yield each argument, option or other fact of the job that would change, as `name: old to new`."""
    if status.revision in (None, job.revision):
        return
    if running is None:
        yield _not_compared(status)
        return
    if running.facts is None:
        yield f"arguments and options: not compared; an earlier release stored revision {status.revision}"
        return
    old, new = running.facts, job.facts()
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    for name in changed:
        yield f"{name}: {old.get(name) or 'not set'} to {new.get(name) or 'not set'}"
    if not changed and dict(running.files) == dict(job.files):
        yield "the value of a credential"


def _not_compared(status: JobStatus) -> str:
    return f"not compared; the job scripts of revision {status.revision}, which runs, are not stored"


def _names(job: JobSpec, running: StoredJob) -> list[str]:
    """Return the names of the files whose diff is shown; captured tables are shown one by one."""
    return sorted({*job.files, *running.files} - {TABLES_FILE})


def _diff(name: str, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the unified diff of one file; nothing if it is the same."""
    if old.get(name) == new.get(name):
        return
    try:
        before, after = (files.get(name, b"").decode("utf-8").splitlines() for files in (old, new))
    except UnicodeDecodeError:
        yield f"{name}: differs, and is not text"
        return
    from_file, to_file = (f"{side}/{name}" if name in files else "/dev/null" for side, files in
                          (("running", old), ("planned", new)))  # fmt: skip
    lines = list(unified_diff(before, after, from_file, to_file, lineterm=""))
    if not lines:
        yield f"{name}: differs only in line ends"
    yield from lines[:MAX_DIFF_LINES]
    if len(lines) > MAX_DIFF_LINES:
        yield f"... and {len(lines) - MAX_DIFF_LINES} more lines"


def _preview_tables(job: JobSpec, running: StoredJob | None, prefix: str) -> Iterator[PlannedChange]:
    """Yield each table that the job captures, or does not capture any longer."""
    new, old = _tables(job.files), _tables(running.files if running else {})
    for name in sorted({*new, *old}):
        topic = f"topic {prefix}{name}"
        if name not in new:
            summary = f"no longer captured; {topic} stays as it is"
            yield PlannedChange("captured table", name, Action.CHANGE, summary)
            continue
        summary = f"by {', '.join(new[name]['key'])}, to {topic}"
        if name not in old:
            yield PlannedChange("captured table", name, Action.CREATE, summary)
        elif differences := tuple(_table_differences(old[name], new[name])):
            yield PlannedChange("captured table", name, Action.CHANGE, summary, differences)
        else:
            yield PlannedChange("captured table", name, Action.UNCHANGED, summary)


def _tables(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = json.loads(files.get(TABLES_FILE, b"{}"))
    return tables


def _table_differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name, value in new.items():
        if name != "columns" and old.get(name) != value:
            yield f"{name}: {_text(old.get(name))} to {_text(value)}"
    before, after = ({column: kind for column, *kind in table.get("columns", [])} for table in (old, new))
    for column in {**before, **after}:
        if before.get(column) != after.get(column):
            yield f"column {column}: {_text(before.get(column))} to {_text(after.get(column))}"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
