"""The results as tables for the terminal."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.console import Console

from infra import results
from infra.endpoints import KafkaEndpoint
from infra.errors import CheckFailedError, DefinitionError
from infra.kafka.reader import Value
from infra.pipeline import ResultTable, find_pipelines, load_pipeline
from infra.results import render_table, sort_values
from infra.settings import ROOT

STATS = ResultTable(
    title="Statistics",
    topic="games.stats",
    columns={"Country": "{country}", "Average": "{average}", "Highest": "{top} ({score})", "Share": "{share:.1%}"},
)
VALUES: list[Value] = [
    {"country": "Austria", "average": 5.5, "top": "Alex", "score": 7, "share": 0.5},
    {"country": "US", "average": 1 / 3, "top": "Josef", "score": 10, "share": 1},
]


def shown(result: ResultTable, values: list[Value]) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    console.print(render_table(result, values))
    assert isinstance(console.file, io.StringIO)
    return [line.strip() for line in console.file.getvalue().splitlines() if line.strip()]


def test_table_has_a_title_headings_and_a_line_for_each_value() -> None:
    assert shown(STATS, VALUES) == [
        "Statistics",
        "Country   Average   Highest       Share",
        "───────────────────────────────────────",
        "Austria       5.5   Alex (7)      50.0%",
        "US         0.3333   Josef (10)   100.0%",
    ]


def test_table_without_values_shows_none() -> None:
    assert shown(STATS, [])[-1].split() == ["(none)"]


def test_text_that_looks_like_markup_or_a_template_is_unchanged() -> None:
    table = ResultTable(title="Names", topic="games.names", columns={"Name": "{name}"})

    assert shown(table, [{"name": "{x} [bold]y[/]"}])[-1] == "{x} [bold]y[/]"


def test_column_that_the_topic_does_not_have_is_named() -> None:
    table = ResultTable(title="Names", topic="games.names", columns={"Name": "{nam}"})

    with pytest.raises(DefinitionError) as caught:
        render_table(table, [{"name": "Alex", "id": 1}])

    assert str(caught.value) == (
        "results: 'Names': column 'Name' uses the field 'nam'. Expected one of the fields of games.names: name, id. "
        "Fix the column."
    )


def test_values_are_in_the_order_of_their_keys() -> None:
    values: list[Value] = [{"rank": rank} for rank in (10, 2, 1)]

    assert sort_values("games.top", values, ("rank",)) == [{"rank": 1}, {"rank": 2}, {"rank": 10}]


def test_value_without_its_key_is_an_error() -> None:
    with pytest.raises(CheckFailedError, match=r"^topic games\.top: the value \{\} does not have rank\. "):
        sort_values("games.top", [{}], ("rank",))


@pytest.mark.parametrize("folder", find_pipelines(ROOT / "flink_jobs"), ids=lambda folder: folder.name)
def test_shipped_pipeline_shows_results(folder: Path) -> None:
    pipeline = load_pipeline(folder)

    assert pipeline.results
    assert {table.topic for table in pipeline.results} <= pipeline.checks.keys()


def test_tables_read_only_the_topics_that_they_show(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = load_pipeline(ROOT / "flink_jobs" / "olympics")
    asked: list[str] = []

    def read(_: KafkaEndpoint, topics: Iterable[str], quarantine: str | None) -> dict[str, list[Value]]:
        asked.extend([*topics, str(quarantine)])
        return {topic: [] for topic in asked}

    monkeypatch.setattr(results, "read_tables", read)

    results.print_results(pipeline, KafkaEndpoint("none"), Console(file=io.StringIO()))

    # Not the topics with as many rows as the source.
    assert asked == [
        "olympics.nationality_stats",
        "olympics.best_nationality",
        "olympics.top_athletes",
        "olympics.quarantine",
    ]
