"""The check while an application changes the table 50 times a second: right jobs pass, and a wrong result is found.

LOAD_TRIES is how often, 2 by default.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.checks.audit import audit_records
from infra.checks.outputs import check_outputs
from infra.errors import CheckFailedError
from infra.mysql.connection import connect
from infra.pipeline import Pipeline
from tests.local.olympics.conftest import Deployment
from tests.support.background import repeating

CHANGES_PER_SECOND = 50
ROWS, NATIONS = 2_000, 20
TRIES = int(os.environ.get("LOAD_TRIES", "2"))
TOPIC = "olympics.nationality_stats"


@contextmanager
def load(deployment: Deployment, seed: int) -> Iterator[None]:
    """Change scores, nationalities and names, delete rows and insert them again, until the block ends."""
    numbers = random.Random(seed)

    def change() -> None:
        player = numbers.randint(1, ROWS)
        row = (player, f"Athlete {player % 1500}", f"Nation {numbers.randrange(NATIONS)}", player % 100)
        if numbers.random() < 0.1:
            cursor.execute("DELETE FROM players WHERE id = %s", [player])
        else:
            cursor.execute("REPLACE INTO players (id, name, nationality, score) VALUES (%s, %s, %s, %s)", row)
        connection.commit()

    with (
        connect(deployment.endpoint("owner")) as connection,
        connection.cursor() as cursor,
        repeating(change, 1 / CHANGES_PER_SECOND),
    ):
        yield


def wrong(pipeline: Pipeline, folder: Path) -> Pipeline:
    """Return the pipeline with a recomputation from which the job's averages of one nationality differ."""
    check = pipeline.checks[TOPIC]
    query = pipeline.path(check.expect).read_text(encoding="utf-8").strip().rstrip(";")
    file = folder / "wrong.sql"
    average = "CASE WHEN nationality = 'Nation 7' THEN average_score + 0.5 ELSE average_score END"
    file.write_text(f"SELECT * REPLACE ({average} AS average_score) FROM ({query})", encoding="utf-8")
    return pipeline.model_copy(
        update={"checks": {**pipeline.checks, TOPIC: check.model_copy(update={"expect": str(file)})}}
    )


def test_checks_decide_while_rows_keep_changing(seeded: Deployment, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    assert seeded.pipeline.audit is not None
    with load(seeded, seed):
        for attempt in range(TRIES):
            report = seeded.check(timeout_seconds=60)
            print(f"try {attempt}: {report}")
            audited = audit_records(seeded.pipeline, seeded.pipeline.audit, seeded.stack.kafka, 60)
            print(f"try {attempt}: {audited.dispositions} after {audited.seconds:.1f} s")
            with pytest.raises(CheckFailedError) as caught:
                check_outputs(
                    wrong(seeded.pipeline, tmp_path), seeded.endpoint("reader"), seeded.stack.kafka, list, str, 20
                )
            head, *shown = str(caught.value).splitlines()
            assert "1 row differs from at least 3 snapshots of a changing source" in head
            assert shown[0].startswith(f"  {TOPIC} ['Nation 7']: expected ")
