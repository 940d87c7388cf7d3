"""What a deployment would do with a job, in each state that the job can be in; the target is not changed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from infra.errors import JobFailedError, WaitTimeoutError
from infra.jobs.job import JobSpec, JobState, JobStatus, StoredJob
from infra.jobs.preview import MAX_DIFF_LINES, preview_job
from infra.jobs.render import TABLES_FILE
from infra.jobs.upgrade import ensure_running
from infra.plan import Action, PlannedChange
from infra.targets.memory import MemoryTarget
from tests.support.jobs import JOB

EDITED = replace(JOB, files={**JOB.files, "10_players.sql": b"SELECT 2"})
NOT_CHECKED = "job state: not checked whether it fits; Flink decides when the job starts"


@pytest.fixture
def target() -> MemoryTarget:
    """A target that runs the job."""
    target = MemoryTarget()
    target.ensure_scripts(JOB)
    ensure_running(target, JOB)
    return target


def preview(target: MemoryTarget, job: JobSpec) -> tuple[PlannedChange, PlannedChange]:
    scripts, run = preview_job(target, job)
    return scripts, run


def with_tables(**tables: object) -> JobSpec:
    return replace(JOB, files={**JOB.files, TABLES_FILE: json.dumps(tables).encode()})


def test_new_job_is_stored_and_started() -> None:
    job = replace(JOB, image="flink:1")

    assert preview_job(MemoryTarget(), job) == [
        PlannedChange("scripts", JOB.name, Action.CREATE, f"revision {job.revision}, 2 files"),
        PlannedChange(
            "job", JOB.name, Action.CREATE, f"start at revision {job.revision}, parallelism 1, image flink:1"
        ),
    ]


def test_job_at_its_revision_is_unchanged(target: MemoryTarget) -> None:
    assert preview_job(target, JOB) == [
        PlannedChange("scripts", JOB.name, Action.UNCHANGED, f"revision {JOB.revision}, 2 files"),
        PlannedChange("job", JOB.name, Action.UNCHANGED, f"RUNNING at revision {JOB.revision} as job run-1"),
    ]


def test_edited_script_is_shown_as_a_diff_with_what_runs(target: MemoryTarget) -> None:
    scripts, run = preview(target, EDITED)

    assert (scripts.action, scripts.summary) == (Action.CHANGE, f"revision {JOB.revision} to {EDITED.revision}")
    assert scripts.details == (
        "--- running/10_players.sql",
        "+++ planned/10_players.sql",
        "@@ -1 +1 @@",
        "-SELECT 1",
        "+SELECT 2",
    )
    assert (run.action, run.summary, run.details) == (
        Action.CHANGE,
        f"upgrade from revision {JOB.revision} to {EDITED.revision} through a savepoint",
        (NOT_CHECKED,),
    )


def test_added_and_removed_scripts_are_diffs_with_nothing(target: MemoryTarget) -> None:
    scripts, _ = preview(target, replace(JOB, files={"cdc.py": b"print()", "20_new.sql": b"SELECT 3"}))

    assert scripts.details == (
        "--- running/10_players.sql",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-SELECT 1",
        "--- /dev/null",
        "+++ planned/20_new.sql",
        "@@ -0,0 +1 @@",
        "+SELECT 3",
    )


def test_diff_of_bytes_and_of_line_ends_is_one_line(target: MemoryTarget) -> None:
    scripts, _ = preview(target, replace(JOB, files={**JOB.files, "10_players.sql": b"SELECT 1\r\n", "a.bin": b"\xff"}))

    assert scripts.details == ("10_players.sql: differs only in line ends", "a.bin: differs, and is not text")


def test_long_diff_is_cut(target: MemoryTarget) -> None:
    long = b"\n".join(b"%d" % number for number in range(1000))

    scripts, _ = preview(target, replace(JOB, files={**JOB.files, "20_long.sql": long}))

    assert len(scripts.details) == MAX_DIFF_LINES + 1
    assert scripts.details[-1] == "... and 803 more lines"


def test_changed_facts_have_their_old_and_new_value(target: MemoryTarget) -> None:
    changed = replace(JOB, parallelism=2, arguments={"topic": "games.athletes"}, configuration={"a.b": "1", "c.d": "2"})

    _, run = preview(target, changed)

    assert run.details == (
        "parallelism: 1 to 2",
        "arguments.topic: games.players to games.athletes",
        "arguments.group: games to not set",
        "configuration.c.d: not set to 2",
        NOT_CHECKED,
    )


def test_changed_credential_is_a_change_without_its_value() -> None:
    target, first = MemoryTarget(), replace(JOB, configuration={"s3.secret-key": "swordfish"})
    target.ensure_scripts(first)
    ensure_running(target, first)

    _, run = preview(target, replace(JOB, configuration={"s3.secret-key": "goldfish"}))

    assert run.details == ("the value of a credential", NOT_CHECKED)


def test_revision_of_an_earlier_release_has_no_facts_to_compare(target: MemoryTarget) -> None:
    target._scripts[JOB.name, JOB.revision] = StoredJob(JOB.files)

    _, run = preview(target, EDITED)

    assert run.details[0] == f"arguments and options: not compared; an earlier release stored revision {JOB.revision}"


def test_revision_that_is_not_stored_any_longer_is_not_compared(target: MemoryTarget) -> None:
    del target._scripts[JOB.name, JOB.revision]

    scripts, run = preview(target, EDITED)

    line = f"not compared; the job scripts of revision {JOB.revision}, which runs, are not stored"
    assert (scripts.details, run.details) == ((line,), (line, NOT_CHECKED))


def test_failed_job_starts_again_from_its_last_checkpoint(target: MemoryTarget) -> None:
    target.fail(JOB.name, "boom")

    scripts, run = preview(target, JOB)

    assert scripts.action is Action.UNCHANGED
    assert (run.action, run.summary) == (
        Action.CHANGE,
        f"is FAILED, start again at revision {JOB.revision} from memory://games.cdc/checkpoint-3",
    )


def test_upgrade_of_a_job_that_keeps_failing_may_start_from_its_checkpoint(target: MemoryTarget) -> None:
    target.fail(JOB.name, "boom")
    target.show(JOB.name, state=JobState.RESTARTING)

    _, run = preview(target, EDITED)

    assert run.summary == (
        f"upgrade from revision {JOB.revision} to {EDITED.revision} through a savepoint, or from its last checkpoint "
        "if it cannot take one"
    )


def test_start_from_scratch_names_the_topics_that_it_empties(target: MemoryTarget) -> None:
    _, run = preview_job(target, JOB, emptied=["games.players"])

    assert (run.action, run.summary, run.details) == (
        Action.CHANGE,
        f"start from scratch at revision {JOB.revision}, without job state",
        ("deletes every record of topic games.players",),
    )


def test_start_from_scratch_without_topics_to_empty_is_a_change(target: MemoryTarget) -> None:
    assert preview_job(target, JOB, emptied=[])[1].action is Action.CHANGE


def test_job_that_is_just_starting_is_an_error_as_in_a_deployment(target: MemoryTarget) -> None:
    target.show(JOB.name, state=JobState.STARTING, revision=None)

    with pytest.raises(WaitTimeoutError, match="Try again in a few seconds"):
        preview_job(target, JOB)


class RunsTwice(MemoryTarget):
    """A target that runs the job twice."""

    def status(self, job_name: str) -> JobStatus:
        raise JobFailedError(f"{job_name} runs 2 times.")


def test_job_that_runs_twice_is_refused() -> None:
    assert preview_job(RunsTwice(), JOB) == [PlannedChange("job", JOB.name, Action.REFUSE, "games.cdc runs 2 times.")]


def test_captured_tables_are_compared_one_by_one() -> None:
    target = MemoryTarget()
    orders = {"key": ["id"], "split_by": "id", "columns": [["id", "int", 0]], "latin1": []}
    first = with_tables(orders=orders, items=orders, old=orders)
    target.ensure_scripts(first)
    ensure_running(target, first)
    wider = {**orders, "key": ["id", "at"], "columns": [["id", "bigint", 0], ["at", "datetime", 2]]}

    *tables, scripts, _ = preview_job(target, with_tables(orders=orders, items=wider, new=orders), "shop.")

    assert [line for change in tables for line in change.lines()] == [
        "~ captured table items: by id, at, to topic shop.items",
        "    key: id to id, at",
        "    column id: int, 0 to bigint, 0",
        "    column at: none to datetime, 2",
        "+ captured table new: by id, to topic shop.new",
        "~ captured table old: no longer captured; topic shop.old stays as it is",
        "= captured table orders: by id, to topic shop.orders",
    ]
    assert scripts.details == ()


def test_preview_changes_nothing(target: MemoryTarget) -> None:
    before = (dict(target._scripts), dict(target._jobs))

    preview_job(target, EDITED)
    preview_job(target, EDITED, emptied=[])

    assert (dict(target._scripts), dict(target._jobs)) == before
