"""The pipeline's own result topics against its table, for the parts that run the deployed jobs."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.bench.stack import DATABASE
from infra.bench.verify import Verifier, fold_topic
from infra.errors import CheckFailedError
from infra.kafka.client import consumer
from infra.kafka.reader import partitions_of
from infra.mysql.connection import connect
from infra.pipeline import Pipeline
from infra.settings import Settings
from infra.stacks.local import stack as local_stack
from infra.waiting import wait_until

QUIET_SECONDS = 8.0  # longer than the interval between two checkpoints
# The results are compared when they have not changed for the first time, and if they differ, after the second.
FIRST_QUIET_SECONDS, LAST_QUIET_SECONDS = 2.0, 30.0
POLL_SECONDS = 0.25


def await_quiet(settings: Settings, pipeline: Pipeline, seconds: float, quiet: float = QUIET_SECONDS) -> None:
    """Wait until the result topics have records, and no new ones for `quiet` s; WaitTimeoutError after `seconds`."""
    with consumer(local_stack.kafka_endpoint(settings)) as client:
        partitions = [partition for topic in pipeline.topics for partition in partitions_of(client, topic)]
        seen: list[float] = [0, time.monotonic()]

        def has_stopped_growing() -> bool:
            written, now = sum(client.end_offsets(partitions).values()), time.monotonic()
            if written != seen[0]:
                seen[:] = [written, now]
            return bool(written) and now - seen[1] >= quiet

        wait_until(has_stopped_growing, "the result topics to stop growing", seconds, POLL_SECONDS)


def await_equal(settings: Settings, pipeline: Pipeline, seconds: float, scratch: Path) -> float:
    """Wait until every result topic equals the table, which nothing changes; return the time of the last record.

    CheckFailedError names the outputs that still differ when they have not changed for LAST_QUIET_SECONDS.
    """
    await_quiet(settings, pipeline, seconds, FIRST_QUIET_SECONDS)
    try:
        return verify_table(settings, pipeline, scratch)
    except CheckFailedError:
        await_quiet(settings, pipeline, seconds, LAST_QUIET_SECONDS)
        return verify_table(settings, pipeline, scratch)


def verify_table(settings: Settings, pipeline: Pipeline, scratch: Path) -> float:
    """Compare every result topic with the table, and return the time of the last result record.

    CheckFailedError names the outputs that differ.
    """
    with TemporaryDirectory(prefix="verify-", dir=scratch) as folder:
        return _verify_table(settings, pipeline, Path(folder))


def _verify_table(settings: Settings, pipeline: Pipeline, scratch: Path) -> float:
    rows = scratch / "rows.csv"
    with (
        connect(local_stack.mysql_endpoint(settings, "reader", DATABASE)) as connection,
        connection.cursor() as cursor,
        rows.open("w", encoding="utf-8", newline="") as file,
    ):
        cursor.execute("SELECT id, name, nationality, score FROM players")
        writer = csv.writer(file)
        writer.writerow(["id", "name", "nationality", "score"])
        writer.writerows(cursor.fetchall())
    servers = local_stack.kafka_endpoint(settings).bootstrap_servers
    with Verifier(pipeline, rows, scratch) as verifier:
        names = {output: f"{pipeline.name}.{output}" for output in verifier.outputs}
        folded = {output: fold_topic(servers, name, pipeline.topics[name].partitions) for output, name in names.items()}
        differences = verifier.differences({output: fold.values for output, fold in folded.items()})
    if differences:
        raise CheckFailedError("results differ from the table: " + "; ".join(differences))
    return max(fold.last_at for fold in folded.values())
