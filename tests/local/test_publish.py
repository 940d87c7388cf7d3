"""Publishing a large file to a real broker: progress, and memory that does not hold the lines."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from infra import progress
from infra.kafka.publish import count_records, preview_records, publish_records
from infra.kafka.topics import ensure_topics
from infra.pipeline import Topic
from tests.local.conftest import Stack

LINES = 20_000


@pytest.fixture
def topic(stack: Stack) -> str:
    """A source topic that no other test uses."""
    name = f"games.{os.urandom(4).hex()}"
    ensure_topics(stack.kafka, {name: Topic(partitions=2, cleanup_policy="delete")})
    return name


def test_progress_of_each_pass_is_reported(
    stack: Stack, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0)
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"".join(b'{"type":"score","data":[%d]}\n' % number for number in range(LINES)))
    lines: list[str] = []

    first = publish_records(stack.kafka, topic, "type", path, report=lines.append)
    second = publish_records(stack.kafka, topic, "type", path, report=lines.append)

    assert [str(first), str(second)] == [
        f"published {LINES} records, 0 already published",
        f"unchanged: {LINES} records",
    ]
    rate = r"[0-9,]+ {}/s, [0-9a-z ]+ left"
    for what, unit, times in (
        ("checking data.jsonl", "lines", 2),
        (f"reading {topic}", "records", 1),
        ("publishing data.jsonl", "lines", 2),
    ):
        last = re.compile(rf"{re.escape(what)}: 20,000 {unit} \(100 %\), " + rate.format(unit))
        assert len([line for line in lines if last.fullmatch(line)]) == times


def test_preview_counts_the_lines_that_are_published_then(stack: Stack, topic: str, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"type":"score"}\n{"type":"name"}\n')
    publish_records(stack.kafka, topic, "type", path)
    path.write_bytes(path.read_bytes() + b'{"type":"name"}\n')

    preview = preview_records(stack.kafka, topic, "type", path)

    assert preview.lines() == [f"~ records of data.jsonl on {topic}: publish 1 of 3 lines"]
    assert count_records(stack.kafka, topic) == 2
    assert publish_records(stack.kafka, topic, "type", path).published == 1
    assert preview_records(stack.kafka, topic, "type", path).lines() == [
        f"= records of data.jsonl on {topic}: publish 0 of 3 lines"
    ]


def test_preview_of_a_topic_that_does_not_exist_has_every_line(stack: Stack, tmp_path: Path) -> None:
    path, topic = tmp_path / "data.jsonl", f"games.{os.urandom(4).hex()}"
    path.write_bytes(b'{"type":"score"}\n')

    assert preview_records(stack.kafka, topic, "type", path).lines() == [
        f"~ records of data.jsonl on {topic}: publish 1 of 1 lines"
    ]
