"""Texts that are hard to compare, from the table through jobs, checks and audit: each must stay a name of its own.

The server compares `'a'` and `'a\\0'` as different, but MariaDB's window functions put rows of both into partitions in
turns. So nothing of the checks is computed by the server, whatever its collation.
"""

from __future__ import annotations

import unicodedata

from infra.checks.audit import audit_records
from infra.jobs.render import render_job
from infra.jobs.upgrade import ensure_started_from_scratch
from infra.kafka.client import consumer
from infra.kafka.quarantine import read_quarantine
from infra.stacks.local import stack as local_stack
from tests.local.olympics.conftest import Deployment
from tests.support.heartbeat import await_health
from tests.support.olympics_model import Row

TEXTS = [
    *("a", "a\0", "a\0\0", "\0a", "a\0b", "a\0B"),
    *("a ", "a  ", " a", "a\t", "a\n", "a\u00a0", "a\u200b"),
    *("A", "\u00e1", "\u00c1", "a\u0301", "\u00e4", "ae", "\u00e6"),
    *("\u00df", "ss", "SS", "i", "I", "\u0131", "\u0130", "\ufb01", "fi", "\u00c5", "\u212b", "A\u030a"),
    # Higher than a surrogate in UTF-16, but lower than every character of four bytes.
    *("\uff5e", "\uffee", "\ue000"),
    *("\U0001f600", "\U0001f600\U0001f600", "\U0001f601", "\U00010000", "\U0010fffd", "\U0001f468\u200d\U0001f469"),
    *("a'", 'a"', "a\\", "a\\0", "a\\u0000", "%", "_", "null"),
]


def escaped(text: str) -> str:
    """Return the text as an SQL literal of its bytes."""
    return f"CONVERT(X'{text.encode().hex()}' USING utf8mb4)"


def insert(rows: list[Row]) -> str:
    values = [f"({row.id}, {escaped(row.name)}, {escaped(row.nationality)}, {row.score})" for row in rows]
    return f"INSERT INTO players VALUES {', '.join(values)}"


# Every text twice as a name, under different nations, and all averages of the nations are equal: the order decides.
ROWS = [
    Row(number, text, TEXTS[(number * 7) % len(TEXTS)], 5)
    for number, text in enumerate([*TEXTS, *reversed(TEXTS)], start=1)
]


def quarantined(deployment: Deployment) -> int:
    """Return how many records are in the quarantine, also those of other tests."""
    with consumer(deployment.stack.kafka) as client:
        found, _ = read_quarantine(client, "olympics.quarantine")
    return len(found)


def check(deployment: Deployment, quarantined_before: int) -> None:
    """Compare topics, recomputation and model, and account for every record; none was quarantined."""
    assert sorted(deployment.rows()) == ROWS
    deployment.await_agreement()
    deployment.assert_agrees_with_model()
    assert deployment.pipeline.audit is not None
    audit_records(deployment.pipeline, deployment.pipeline.audit, deployment.stack.kafka, 60)
    assert quarantined(deployment) == quarantined_before
    results = deployment.results()
    assert {value["name"] for value in results["olympics.athletes"]} == set(TEXTS)
    assert {value["nationality"] for value in results["olympics.nationality_stats"]} == {
        row.nationality for row in ROWS[: len(TEXTS)]
    }
    assert len(results["olympics.duplicates"]) == len(TEXTS)


def test_texts_differ_in_every_other_sense() -> None:
    """The list is worth its name: some are equal after folding, normalization, trimming, or up to a NUL."""
    assert len(set(TEXTS)) == len(TEXTS)
    for fold in (
        str.casefold,
        lambda text: unicodedata.normalize("NFC", text),
        lambda text: text.rstrip(" "),
        lambda text: text.partition("\0")[0],
    ):
        assert len({fold(text) for text in TEXTS}) < len(TEXTS)


def test_every_text_of_the_binlog_is_a_name_of_its_own(seeded: Deployment) -> None:
    before = quarantined(seeded)

    seeded.execute("DELETE FROM players", insert(ROWS))

    check(seeded, before)


def test_every_text_of_the_snapshot_is_a_name_of_its_own(seeded: Deployment) -> None:
    cdc = local_stack.mysql_endpoint(seeded.stack.settings, "cdc", "olympics")
    job = render_job(seeded.pipeline, "players_cdc", seeded.stack.kafka, cdc, seeded.target.secrets)
    seeded.target.delete(job.name)
    before = quarantined(seeded)
    seeded.execute("DELETE FROM players", insert(ROWS))

    ensure_started_from_scratch(seeded.target, job)

    await_health(seeded.target, job)
    check(seeded, before)
