"""What the result topics hold, as a person or a machine wants to see it."""

from __future__ import annotations

import json
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from infra.endpoints import KafkaEndpoint
from infra.kafka.reader import Value, read_tables
from infra.spec import Pipeline, ResultTable


def results_json(pipeline: Pipeline, kafka: KafkaEndpoint) -> str:
    """One JSON object `{topic: [values sorted by key]}` of all result topics."""
    return json.dumps(_sorted_values(pipeline, kafka), ensure_ascii=False)


def print_results(pipeline: Pipeline, kafka: KafkaEndpoint, console: Console) -> None:
    """A table for each entry of the spec's `results`, then how many records are in quarantine topics elsewhere."""
    values = _sorted_values(pipeline, kafka)
    for result in pipeline.results:
        console.print(_table(result, values[result.topic]))
        console.print()


def _sorted_values(pipeline: Pipeline, kafka: KafkaEndpoint) -> dict[str, list[Value]]:
    keys = {topic: check.key for topic, check in pipeline.checks.items()}
    tables = read_tables(kafka, keys)
    return {
        topic: sorted(values, key=lambda value, key=keys[topic]: tuple(value[column] for column in key))  # type: ignore[misc]
        for topic, values in tables.items()
    }


def _table(result: ResultTable, values: list[Value]) -> Table:
    table = Table(title=result.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, template in result.columns.items():
        plain = template.startswith("{") and template.endswith("}") and template.count("{") == 1
        numeric = plain and all(isinstance(value[template[1:-1]], int | float) for value in values)
        table.add_column(heading, justify="right" if numeric and values else "left")
    for value in values:
        table.add_row(*(_shown(template, value) for template in result.columns.values()))
    if not values:
        table.add_row("(none)")
    return table


def _shown(template: str, value: dict[str, Any]) -> str:
    """Doubles with at most four digits behind the point; the JSON form has them all."""
    rounded = {key: round(item, 4) if isinstance(item, float) else item for key, item in value.items()}
    return template.format(**rounded)
