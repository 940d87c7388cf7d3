"""The contents of the result topics, as tables for people and as JSON for programs."""

from __future__ import annotations

import json
import time
from datetime import datetime
from string import Formatter
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.checks.compare import by_type, found_table
from infra.endpoints import KafkaEndpoint
from infra.errors import DefinitionError
from infra.kafka.client import consumer
from infra.kafka.reader import TableReader, Value, read_tables
from infra.pipeline import Pipeline, ResultTable

WATCH_SECONDS = 0.3


def results_json(pipeline: Pipeline, kafka: KafkaEndpoint) -> str:
    """Return a JSON object of all result topics: `{topic: [values sorted by key]}`."""
    return json.dumps(_sorted_values(pipeline, kafka), ensure_ascii=False)


def print_results(pipeline: Pipeline, kafka: KafkaEndpoint, console: Console) -> None:
    """Print a table for each item of `results` in the pipeline definition."""
    _print_tables(pipeline, read_tables(kafka, _shown_topics(pipeline), pipeline.quarantine), console)


def watch_results(pipeline: Pipeline, kafka: KafkaEndpoint, console: Console) -> None:
    """Print the tables, and again whenever a result topic has changed, until interrupted."""
    with consumer(kafka) as client:
        reader = TableReader(client, _shown_topics(pipeline), pipeline.quarantine)
        first = True
        while True:
            if reader.refresh() or first:
                first = False
                console.clear()  # does nothing if the output is not a terminal
                console.print(f"[dim]{datetime.now().astimezone():%H:%M:%S}, Ctrl-C ends[/dim]\n")
                _print_tables(pipeline, {topic: reader.values(topic) for topic in reader.tables}, console)
            time.sleep(WATCH_SECONDS)


def _shown_topics(pipeline: Pipeline) -> list[str]:
    """Return the topics that the tables show: the others can have as many rows as the source."""
    return list(dict.fromkeys(result.topic for result in pipeline.results))


def _print_tables(pipeline: Pipeline, tables: dict[str, list[Value]], console: Console) -> None:
    for result in pipeline.results:
        key = pipeline.checks[result.topic].key
        console.print(render_table(result, sort_values(result.topic, tables[result.topic], key)))
        console.print()


def _sorted_values(pipeline: Pipeline, kafka: KafkaEndpoint) -> dict[str, list[Value]]:
    tables = read_tables(kafka, pipeline.checks, pipeline.quarantine)
    return {topic: sort_values(topic, values, pipeline.checks[topic].key) for topic, values in tables.items()}


def sort_values(topic: str, values: list[Value], key: tuple[str, ...]) -> list[Value]:
    """Return the values in the order of their key columns."""
    table = found_table(topic, values, key)
    return [table[found] for found in sorted(table, key=by_type)]


def render_table(result: ResultTable, values: list[Value]) -> Table:
    """Return the values as a table, with numbers aligned right.

    DefinitionError if a column uses a field that the values do not have.
    """
    table = Table(
        title=result.title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )
    for heading, template in result.columns.items():
        numeric = bool(values) and all(_is_number(template, value) for value in values)
        table.add_column(heading, justify="right" if numeric else "left")
    for value in values:
        table.add_row(*(Text(_cell(result, heading, value)) for heading in result.columns))  # not markup
    if not values:
        table.add_row("(none)")
    return table


def _is_number(template: str, value: Value) -> bool:
    parts = list(Formatter().parse(template))
    return len(parts) == 1 and not parts[0][0] and isinstance(value.get(str(parts[0][1])), int | float)


def _cell(result: ResultTable, heading: str, value: dict[str, Any]) -> str:
    """Return the text of a cell; doubles have at most four decimal places, unlike in the JSON."""
    rounded = {key: round(item, 4) if isinstance(item, float) else item for key, item in value.items()}
    try:
        return result.columns[heading].format(**rounded)
    except KeyError as error:
        raise DefinitionError(
            f"results: {result.title!r}: column {heading!r} uses the field {error}. Expected one of the fields of "
            f"{result.topic}: {', '.join(value)}. Fix the column."
        ) from None
