"""docs/new-pipeline.md, followed to the letter: write its files, deploy both pipelines, compare the results."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from infra.cli.deployment import prepare, run_dag
from infra.kafka.client import consumer
from infra.kafka.quarantine import read_quarantine
from infra.pipeline import Pipeline, load_pipeline
from infra.results import print_results
from infra.settings import ROOT, Settings, load_settings
from infra.targets.local import local_target
from tests.local.conftest import Stack
from tests.support.checkout import copy_checkout

PAGE = (ROOT / "docs" / "new-pipeline.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`(flink_jobs/\S+)`\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def settings(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A checkout that contains the files of the page, on the running local stack."""
    root = copy_checkout(tmp_path_factory.mktemp("checkout"))
    for name, content in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return load_settings(stack.environ, root)


def deploy(settings: Settings, name: str) -> tuple[Pipeline, str]:
    """Deploy a pipeline of the page; return it and the lines of its tasks."""
    pipeline = load_pipeline(settings.root / "flink_jobs" / name)
    prepare(settings, pipeline)
    lines = StringIO()
    run_dag(settings, f"{name}_deploy", {"target": "local"}, Console(file=lines, width=200))
    return pipeline, lines.getvalue()


@pytest.fixture(scope="module")
def tickets(settings: Settings) -> Iterator[Pipeline]:
    """The pipeline of part 1, deployed."""
    pipeline, lines = deploy(settings, "tickets")
    assert "check_outputs: agreed" in lines
    yield pipeline
    local_target(settings).delete("tickets.sales")


@pytest.fixture(scope="module")
def medals(settings: Settings) -> Iterator[Pipeline]:
    """The pipeline of part 2, deployed."""
    pipeline, lines = deploy(settings, "medals")
    assert "audit_records: medal_feed-" in lines
    yield pipeline
    local_target(settings).delete("medals.medal_table")


def shown(pipeline: Pipeline, stack: Stack) -> str:
    text = StringIO()
    print_results(pipeline, stack.kafka, Console(file=text, width=120))
    return "\n".join(line.strip() for line in text.getvalue().splitlines() if "─" not in line and line.strip())


def printed(part: int) -> str:
    """The results that a part of the page shows."""
    blocks = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    return "\n".join(line.strip() for line in blocks[part - 1].splitlines())


def test_page_names_every_file_that_its_pipelines_use(settings: Settings) -> None:
    tickets, medals = (load_pipeline(settings.root / "flink_jobs" / name) for name in ("tickets", "medals"))

    names = [Path(name).parts[1] for name, _ in FILES]
    assert len(FILES) == len({name for name, _ in FILES})
    assert (names.count("tickets"), names.count("medals")) == (7, 10)
    assert tickets.mysql_source.table == "orders"
    assert medals.kafka_source.topic == "medal_feed"


def test_results_of_part_1_are_those_of_the_page(tickets: Pipeline, stack: Stack) -> None:
    assert re.sub(r" +", " ", shown(tickets, stack)) == re.sub(r" +", " ", printed(1))


def test_results_of_part_2_are_those_of_the_page(medals: Pipeline, stack: Stack) -> None:
    assert re.sub(r" +", " ", shown(medals, stack)) == re.sub(r" +", " ", printed(2))


def test_invalid_medal_counts_after_the_fix_of_the_page(medals: Pipeline, stack: Stack, settings: Settings) -> None:
    [mapping] = re.findall(r"^`(\{id: .*\})` it counts", PAGE, re.MULTILINE)
    with consumer(stack.kafka) as client:
        [quarantined], _ = read_quarantine(client, "medals.quarantine")
    assert quarantined.reason == "medal is not gold, silver or bronze"

    run_dag(settings, "republish_quarantine", {"pipeline": "medals", "mapping": mapping}, Console(quiet=True))
    run_dag(settings, "medals_deploy", {"target": "local"}, Console(quiet=True))

    assert re.search(r"Norway +2026-02-08 +0 +0 +1", shown(medals, stack))
