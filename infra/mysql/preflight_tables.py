"""The preflight of captured tables: the server, the privileges, and every table and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from infra.endpoints import MySqlEndpoint
from infra.mysql.captured_tables import TableFacts, find_tables, problems_of
from infra.mysql.connection import connect, fetch_rows
from infra.mysql.grants import allows
from infra.mysql.preflight import (
    MINIMUM_RETENTION_HOURS,
    Finding,
    ServerFacts,
    check_login,
    check_server,
    check_server_ids,
    raise_failures,
    read_server,
)
from infra.pipeline import CapturedTable, MySqlSource

_PARTIAL = "SHOW GLOBAL VARIABLES LIKE 'binlog_row_value_options'"


@dataclass(frozen=True)
class TablesReady:
    """The tables that can be captured, and one line for each check."""

    tables: tuple[CapturedTable, ...]
    lines: tuple[str, ...]


def check_tables_ready(
    cdc: MySqlEndpoint, source: MySqlSource, other_ranges: Mapping[str, str] | None = None
) -> TablesReady:
    """Check the server and every table that the source names; PreflightError lists every failure and its fix.

    `other_ranges` has the server ids of the other pipelines by name.
    """
    # Without a default database, so that a missing one is reported together with the other failures.
    with connect(replace(cdc, database=None)) as connection:
        facts = read_server(connection)
        tables, unmatched = find_tables(connection, source.database, source.tables)
        partial = fetch_rows(connection, _PARTIAL)
    findings = [
        *check_server(facts, MINIMUM_RETENTION_HOURS),
        *_check_row_values(str(partial[0][1]) if partial else ""),
        *check_login(facts, cdc.user),
        *check_server_ids(facts, source.server_ids, other_ranges or {}),
        *check_tables(facts, cdc.user, source, tables, unmatched),
    ]
    raise_failures(cdc, findings)
    return TablesReady(tuple(table.captured() for table in tables), tuple(finding.text for finding in findings))


def check_tables(
    facts: ServerFacts, user: str, source: MySqlSource, tables: Sequence[TableFacts], unmatched: Sequence[str]
) -> Iterator[Finding]:
    """Check that every name and pattern has a table, and that each table can be captured exactly."""
    for pattern in unmatched:
        yield Finding(
            False,
            f"{pattern!r} does not match a table of `{source.database}`, or this user cannot see it. Fix "
            "source.mysql.tables, create the table, or grant SELECT.",
        )
    prefix = source.topics.prefix if source.topics else ""
    for table in tables:
        problems = list(problems_of(table, prefix))
        if not allows(facts.grants, "SELECT", source.database, table.name):
            statement = f"GRANT SELECT ON `{source.database}`.* TO '{user}'@'%'"
            problems.append(f"user {user!r} does not have SELECT on table {table.name}. Run {statement}.")
        for problem in problems:
            yield Finding(False, problem)
        if not problems:
            yield Finding(True, f"ok table {table.name} is captured by {', '.join(table.key)}")


def _check_row_values(options: str) -> Iterator[Finding]:
    """Check that an update of a JSON column has the whole document; MariaDB always has."""
    if options:
        yield Finding(
            False,
            f"binlog_row_value_options is {options}. Expected nothing, because the CDC connector cannot read partial "
            "documents. Run SET GLOBAL binlog_row_value_options = '', and set it in the server's configuration.",
        )
