"""Topics as tables of a DuckDB, for the SQL of a pipeline's checks and audit.

records      all records of one topic: source_partition, source_offset, source_timestamp (ms), message_key and
             message_value (bytes), key_json and value_json (NULL if the bytes are not strict JSON)
quarantine   of that topic: source_topic, source_partition, source_offset, reason, invalid_elements, attempts
<topic>      in the audit, each checked topic, without the prefix `<pipeline>.`: key and value (JSON) of its current
             rows
<table>      each source table, or each of the source's `tables`: the rows of its SELECT

An argument of a job is there as `${job.argument}`, so that job and check share its definition.

Tables of the checks themselves have names that begin with `checks_`.

A record that a job has quarantined does not count for the current rows, because it does not count for the job either:
an invalid record under the key of a valid one leaves the valid one in force. It is known by its position and its
timestamp, because a topic that is recreated reuses offsets.
"""

# ruff: noqa: S608 -- names cannot be statement parameters; these come from the pipeline definition, and are quoted

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import duckdb

from infra.checks.database_file import MEMORY_MB, check_database
from infra.checks.strict_json import normalised
from infra.errors import DefinitionError
from infra.kafka.bulk import Row
from infra.kafka.quarantine_format import REPUBLISHED_KEY
from infra.pipeline import Pipeline, TableCheck

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
Rows = tuple[list[str], list[tuple[Any, ...]]]
_LOG = {
    "source_partition": "INTEGER",
    "source_offset": "BIGINT",
    "source_timestamp": "BIGINT",
    "message_key": "BLOB",
    "message_value": "BLOB",
}
# Additional columns of a topic that other producers write: their records are parsed by the strict parser.
_STRICT = {"key_json": "JSON", "value_json": "JSON"}
# In the notation of DuckDB's `from_json`.
_QUARANTINE = {
    "source_topic": "VARCHAR",
    "source_partition": "INTEGER",
    "source_offset": "BIGINT",
    "source_timestamp": "VARCHAR",
    "reason": "VARCHAR",
    "invalid_elements": "INTEGER",
    "attempts": "INTEGER",
}


class TopicDatabase:
    """The tables of one pipeline, until the block ends. DefinitionError names an SQL file that cannot run.

    With `work_dir`, the topics stay in a file below it, and a later database goes on from there.
    """

    def __init__(self, pipeline: Pipeline, work_dir: Path | None = None, memory_mb: int = MEMORY_MB) -> None:
        self.pipeline = pipeline
        source, audit = pipeline.source.kafka, pipeline.audit
        self._tables = source.tables if source else {}
        self._table_checks = {check.expect: check.table.name for check in self._captured()}
        roots = [root.topic for root in (source, audit) if root]
        written = {topic for job in pipeline.jobs.values() for topic in job.writes} | pipeline.checks.keys()
        self._strict = sorted({*roots} - written)
        self.topics = list(dict.fromkeys([*pipeline.checks, *roots, *filter(None, [pipeline.quarantine])]))
        self._file: AbstractContextManager[duckdb.DuckDBPyConnection] = check_database(
            work_dir, pipeline.name, memory_mb, layout=", ".join(self._strict)
        )
        # Topics whose current rows must be folded again, and whether the source's tables must be built again.
        self._unfolded = set(self.topics)
        self._outdated = True

    def __enter__(self) -> Self:
        self.connection = self._file.__enter__()
        for topic in self.topics:
            self._create_log(topic)
        self._create_quarantine()
        source, audit = self.pipeline.source.kafka, self.pipeline.audit
        if source or audit:
            self.use_records((source or audit).topic)  # type: ignore[union-attr]
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._file.__exit__(*error)

    def append(self, topic: str, rows: Iterable[Row]) -> None:
        """Append records to the log of a topic."""
        if topic in self._strict:
            rows = [(*row, *_documents(row)) for row in rows]  # type: ignore[misc]
        with self.connection.appender(log_of(topic)) as appender:
            appender.append_rows(rows)
        self.changed(topic)

    def empty(self, topic: str) -> None:
        """Delete all records of a topic from its log."""
        self._create_log(topic, replace=True)
        self.changed(topic)

    def changed(self, topic: str) -> None:
        """Note that the log of a topic has changed."""
        self._outdated = True
        self._unfolded |= {topic} if topic != self.pipeline.quarantine else set(self.topics)

    def use_records(self, topic: str) -> None:
        """Make the table `records` show the records of a topic."""
        parsed = [f"{_json('message_key')} AS key_json", f"{_json('message_value')} AS value_json"]
        columns = [*_LOG, *(_STRICT if topic in self._strict else parsed)]
        self.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW records AS SELECT {', '.join(columns)} FROM {log_of(topic)}"
        )
        self.connection.execute(
            "CREATE OR REPLACE TEMP VIEW quarantine AS SELECT quarantine.* EXCLUDE source_timestamp "
            f"FROM checks_quarantine AS quarantine JOIN {log_of(topic)} "
            f"USING (source_partition, source_offset, source_timestamp) WHERE source_topic = {literal(topic)}"
        )
        self._outdated = True

    def current(self, topic: str) -> str:
        """Return the table of a topic's current rows (`message_key`, `message_value`), folded if it has changed."""
        table = quoted(f"current {topic}")
        if topic in self._unfolded:
            self._fold(topic)
            self.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT message_key, message_value FROM {log_of(topic)} "
                "SEMI JOIN checks_latest USING (source_partition, source_offset) WHERE message_value IS NOT NULL"
            )
            self._unfolded.discard(topic)
        return table

    def prune(self, topic: str) -> int:
        """Delete the superseded records of a compacted topic from its log, as Kafka does, and return their number."""
        self._fold(topic)
        return self.number(
            f"DELETE FROM {log_of(topic)} AS log WHERE NOT EXISTS (SELECT 1 FROM checks_latest AS latest WHERE "
            "latest.source_partition = log.source_partition AND latest.source_offset = log.source_offset) "
            f"AND NOT EXISTS (SELECT 1 FROM ({self.quarantined_positions(topic)}) AS quarantined WHERE "
            "quarantined.source_partition = log.source_partition AND quarantined.source_offset = log.source_offset)"
        )

    def quarantined(self, topic: str) -> int:
        """Return the number of quarantined records of a topic."""
        return self.number(f"SELECT count(*) FROM ({self.quarantined_positions(topic)})")

    def quarantined_positions(self, topic: str) -> str:
        """Return a query for the positions of the quarantined records of a topic."""
        return (
            "SELECT DISTINCT source_partition, source_offset FROM checks_quarantine AS quarantine "
            f"JOIN {log_of(topic)} AS log USING (source_partition, source_offset, source_timestamp) "
            f"WHERE source_topic = {literal(topic)}"
        )

    def create_topic_tables(self) -> None:
        """Create or replace the table `<topic>` of every checked topic."""
        for topic in self.pipeline.checks:
            self.connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {quoted(topic.removeprefix(f'{self.pipeline.name}.'))} AS "
                f"SELECT {_json('message_key')} AS key, {_json('message_value')} AS value FROM {self.current(topic)}"
            )

    def create_source_tables(self) -> None:
        """Create or replace each of the source's `tables`, if records have arrived."""
        if self._outdated:
            for name, query in self._tables.items():
                self._execute(query, f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS {self._sql(query)}")
            self._outdated = False

    def create_source_table(self, table: str, columns: str) -> None:
        """Create or replace the empty source table; it takes precedence over a table of these with the same name."""
        if self.number("SELECT count(*) FROM duckdb_views() WHERE temporary AND view_name = ?", [table]):
            self.connection.execute(f"DROP VIEW {quoted(table)}")
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(table)} ({columns})")

    def create_from(self, relative: str, table: str, columns: str = "*") -> None:
        """Create or replace a temporary table from the query at a path of the pipeline."""
        self.create_source_tables()
        self._execute(
            relative, f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {columns} FROM (\n{self._sql(relative)}\n)"
        )

    def describe(self, relative: str) -> dict[str, str]:
        """Return the types of the columns of the query at a path of the pipeline."""
        self.create_source_tables()
        found = self._execute(relative, f"DESCRIBE SELECT * FROM (\n{self._sql(relative)}\n)").fetchall()
        return {name: kind for name, kind, *_ in found}

    def query(self, relative: str) -> Rows:
        """Return columns and rows of the query at a path of the pipeline; DefinitionError if it cannot run."""
        self.create_source_tables()
        result = self._execute(relative, self._sql(relative))
        return [column[0] for column in result.description or ()], result.fetchall()

    def row(self, sql: str, parameters: Any = None) -> tuple[Any, ...] | None:
        """Return the only row of a statement, None if it does not return one."""
        # All of it: an unfinished result would block the connection.
        rows = self.connection.execute(sql, parameters).fetchall()
        return rows[0] if rows else None

    def number(self, sql: str, parameters: Any = None) -> int:
        """Return the integer that a statement returns."""
        row = self.row(sql, parameters)
        return int(row[0]) if row and row[0] is not None else 0

    def _fold(self, topic: str) -> None:
        """Create the table `checks_latest`: partition and offset of the last record of each key, if not quarantined.

        If the topic was given more partitions, a key can have records in two of them; the newest one counts.
        """
        # MATERIALIZED: the small side of the join is built once.
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE checks_latest AS "
            f"WITH quarantined AS MATERIALIZED ({self.quarantined_positions(topic)}) "
            f"SELECT message_key, source_partition, max(source_offset) AS source_offset FROM {log_of(topic)} "
            "ANTI JOIN quarantined USING (source_partition, source_offset) GROUP BY message_key, source_partition"
        )
        moved = "SELECT message_key FROM checks_latest GROUP BY message_key HAVING count(*) > 1"
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE checks_older AS "
            f"SELECT log.source_partition, log.source_offset FROM {log_of(topic)} AS log "
            "SEMI JOIN checks_latest USING (source_partition, source_offset) "
            f"SEMI JOIN ({moved}) AS moved ON moved.message_key IS NOT DISTINCT FROM log.message_key "
            "QUALIFY row_number() OVER (PARTITION BY message_key ORDER BY source_timestamp DESC, source_partition) > 1"
        )
        self.connection.execute(
            "DELETE FROM checks_latest AS latest USING checks_older AS older "
            "WHERE latest.source_partition = older.source_partition AND latest.source_offset = older.source_offset"
        )

    def _create_log(self, topic: str, replace: bool = False) -> None:
        columns = {**_LOG, **(_STRICT if topic in self._strict else {})}
        definition = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        verb = "CREATE OR REPLACE TABLE" if replace else "CREATE TABLE IF NOT EXISTS"
        self.connection.execute(f"{verb} {log_of(topic)} ({definition})")

    def _create_quarantine(self) -> None:
        structure = json.dumps(_QUARANTINE)
        if self.pipeline.quarantine:
            source = (
                f"SELECT from_json(decode(message_value), '{structure}') AS content "
                f"FROM {log_of(self.pipeline.quarantine)} "
                f"WHERE message_key IS DISTINCT FROM encode('{REPUBLISHED_KEY.decode()}')"
            )
        else:
            source = f"SELECT from_json('null', '{structure}') AS content WHERE false"
        columns = ", ".join(f"content.{quoted(name)} AS {quoted(name)}" for name in _QUARANTINE)
        time = "epoch_ms(TRY_CAST(source_timestamp AS TIMESTAMP))"
        self.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW checks_quarantine AS SELECT * REPLACE ({time} AS source_timestamp) "
            f"FROM (SELECT {columns} FROM ({source}))"
        )

    def _execute(self, relative: str, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self.connection.execute(sql)
        except (duckdb.OutOfMemoryException, duckdb.IOException):
            raise
        except duckdb.Error as error:
            raise DefinitionError(f"{relative}: the SQL cannot run: {error}. Fix the query.") from error

    def _captured(self) -> list[TableCheck]:
        return [check for check in self.pipeline.checks.values() if isinstance(check, TableCheck)]

    def _sql(self, relative: str) -> str:
        if relative in self._table_checks:
            return f"SELECT * FROM {quoted(self._table_checks[relative])}"
        sql = self.pipeline.path(relative).read_text(encoding="utf-8").strip().rstrip(";")
        return _REFERENCE.sub(lambda match: self._argument(relative, match[1]), sql)

    def _argument(self, relative: str, name: str) -> str:
        """Return the argument of a job that `${job.argument}` names."""
        values = {
            f"{job}.{argument}": value
            for job, definition in self.pipeline.jobs.items()
            for argument, value in definition.arguments.items()
        }
        if name not in values:
            raise DefinitionError(
                f"{relative}: ${{{name}}} does not exist. Expected an argument of a job: "
                f"{', '.join(values) or 'none is defined'}. Fix the name, or add it to arguments of the job."
            )
        return values[name]


def quoted(name: str) -> str:
    """Return the identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return the text as a literal."""
    return "'" + text.replace("'", "''") + "'"


def log_of(topic: str) -> str:
    """Return the table of all records of a topic."""
    return f"log.{quoted(topic)}"


def json_path(name: str) -> str:
    """Return the JSON pointer of a field, as a literal."""
    return literal("/" + name.replace("~", "~0").replace("/", "~1"))


def key_expression(key: Iterable[str], value: str) -> str:
    """Return an expression: the fields `key` of the JSON text `value`, as the text of a JSON list."""
    return f"CAST(to_json(json_extract({value}, [{', '.join(map(json_path, key))}])) AS VARCHAR)"


def _json(column: str) -> str:
    """Return an expression: the column's bytes as JSON, NULL if they are not."""
    return f"TRY_CAST(TRY(decode({column})) AS JSON)"


def _documents(row: Row) -> tuple[str | None, str | None]:
    return normalised(row[3]), normalised(row[4])
