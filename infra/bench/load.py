"""The load of some parts: a table with many rows, jobs that have caught up with it, and a steady stream of changes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.bench.stack import DATABASE, prepare, render, start, stop, write_data_file
from infra.bench.tables import await_equal
from infra.errors import UnreachableError
from infra.jobs.job import JobSpec, JobState, JobStatus
from infra.mysql.connection import connect
from infra.pipeline import Pipeline
from infra.settings import Settings
from infra.stacks.local import stack as local_stack
from infra.targets.local import local_target

CHANGES_PER_SECOND, BATCH_CHANGES = 1_000, 10
SNAPSHOT_SECONDS = 1_200


class LoadedTable:
    """A table of `rows` rows and both jobs, which several parts can use one after the other; loaded only once."""

    def __init__(self, settings: Settings, pipeline: Pipeline, rows: int, scratch: Path) -> None:
        self.rows = rows
        self._settings = settings
        self._pipeline = pipeline
        self._scratch = scratch
        self._is_verified = False

    @contextmanager
    def used(self) -> Iterator[None]:
        """Run a block when both jobs have caught up, then compare the results; CheckFailedError if they are wrong.

        If the block or the comparison fails, the next use loads the table again.
        """
        if not self._is_verified:
            self._load()
        self._is_verified = False
        yield
        await_equal(self._settings, self._pipeline, SNAPSHOT_SECONDS, self._scratch)
        self._is_verified = True

    def stop(self) -> None:
        """Cancel the jobs; the next use loads the table again."""
        self._is_verified = False
        stop(self._settings, *(f"{self._pipeline.name}.{job}" for job in self._pipeline.jobs))

    def _load(self) -> None:
        """Load the table, through the jobs if they run as deployed, and wait until their results equal it."""
        settings, pipeline, target = self._settings, self._pipeline, local_target(self._settings)
        data = self._scratch / "load.csv"
        write_data_file(data, self.rows)
        jobs = [render(settings, pipeline, job) for job in pipeline.jobs]
        stopped = [job for job in jobs if not _runs(target.status(job.name), job)]
        if stopped:
            self.stop()
        prepare(settings, pipeline, data)
        if stopped:
            start(settings, pipeline, *jobs)
        await_equal(settings, pipeline, SNAPSHOT_SECONDS, self._scratch)


def _runs(status: JobStatus, job: JobSpec) -> bool:
    return status.state is JobState.RUNNING and status.revision == job.revision


class _Changes(threading.Thread):
    """A connection that changes the scores of random rows but the probed one, at a steady rate."""

    def __init__(self, settings: Settings, rows: int) -> None:
        super().__init__(name="load", daemon=True)
        self._owner = local_stack.mysql_endpoint(settings, "owner", DATABASE)
        self._rows = rows
        self._ended = threading.Event()
        self._begun = time.monotonic()
        self.changed = 0
        self.error: Exception | None = None

    def run(self) -> None:
        chooser = random.Random(11)  # noqa: S311, test data
        pause = BATCH_CHANGES / CHANGES_PER_SECOND
        self._begun = due = time.monotonic()
        try:
            with connect(self._owner) as connection:
                while not self._ended.wait(max(due - time.monotonic(), 0)):
                    due += pause
                    rows = [(chooser.randrange(1000), chooser.randint(2, self._rows)) for _ in range(BATCH_CHANGES)]
                    with connection.cursor() as cursor:
                        cursor.executemany("UPDATE players SET score = %s WHERE id = %s", rows)
                    connection.commit()
                    self.changed += BATCH_CHANGES
        except Exception as error:  # noqa: BLE001, raised by `stop` in the thread that measures
            self.error = error

    def rate(self) -> float:
        """Return the changes per second until now."""
        return self.changed / (time.monotonic() - self._begun)

    def stop(self) -> None:
        """End the load; UnreachableError if it has failed before."""
        self._ended.set()
        self.join()
        if self.error:
            raise UnreachableError(f"load: the database rejected a change: {self.error}") from self.error


@contextmanager
def changing_rows(settings: Settings, rows: int) -> Iterator[Callable[[], float]]:
    """Change rows from another connection until the end of the block; yield a function that returns their rate."""
    load = _Changes(settings, rows)
    load.start()
    try:
        yield load.rate
    finally:
        load.stop()
