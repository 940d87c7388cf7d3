"""Is a database ready for change data capture? Facts are read first; the judgements on them are pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import MySQLdb

from infra.endpoints import MySqlEndpoint
from infra.errors import PreflightError
from infra.mysql.connection import Connection, connect, fetch_rows
from infra.mysql.grants import Grants, allows, allows_globally, show_grants

_VARIABLES = """
    SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'log_bin', 'binlog_format', 'binlog_row_image',
    'server_id', 'expire_logs_days', 'binlog_expire_logs_seconds')"""
_PRIMARY_KEY = """
    SELECT COLUMN_NAME FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX"""
_TABLE = "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
_DENIED = {1227, 1045}
# https://dev.mysql.com/doc/refman/8.0/en/replication-options.html#sysvar_server_id
_MAX_SERVER_ID = 2**32 - 1


@dataclass(frozen=True)
class ServerFacts:
    """What the CDC user can see of the server; `replicas` is why not, where it may not see them."""

    variables: Mapping[str, str]
    grants: Grants
    replicas: tuple[int, ...] | str
    table_exists: bool
    primary_key: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """One judgement, and for a failure how to mend it."""

    passed: bool
    text: str


def check_cdc_ready(
    cdc: MySqlEndpoint,
    database: str,
    table: str,
    server_ids: str,
    other_ranges: Mapping[str, str] | None = None,
    minimum_retention_hours: float = 24,
) -> list[str]:
    """One "ok ..." (or "not checked: ...") line per check; `other_ranges`: pipeline name to server ids.

    Raises PreflightError with every failure and how to mend it.
    """
    # Without a default database, so that a missing one is a finding among the others.
    with connect(replace(cdc, database=None)) as connection:
        facts = _read_facts(connection, database, table)
    findings = [
        *judge_server(facts, minimum_retention_hours),
        *judge_grants(facts, cdc.user, database, table),
        *judge_server_ids(facts, server_ids, other_ranges or {}),
        judge_table(facts, database, table),
    ]
    failures = [finding.text for finding in findings if not finding.passed]
    if failures:
        listed = "".join(f"\n  - {failure}" for failure in failures)
        raise PreflightError(f"{cdc} is not ready for change data capture ({len(failures)} to mend):{listed}")
    return [finding.text for finding in findings]


def judge_server(facts: ServerFacts, minimum_retention_hours: float) -> Iterator[Finding]:
    """Version, binlog and retention."""
    yield _judge_version(facts.variables["version"])
    for name, wanted, remedy in (
        ("log_bin", "ON", "set log-bin in the server's configuration and restart it"),
        ("binlog_format", "ROW", "SET GLOBAL binlog_format = 'ROW', and in the server's configuration"),
        ("binlog_row_image", "FULL", "SET GLOBAL binlog_row_image = 'FULL', and in the server's configuration"),
    ):
        found = facts.variables.get(name, "not set").upper()
        yield _finding(found == wanted, f"{name} is {wanted}", f"{name} is {found}, wanted {wanted}: {remedy}")
    yield _judge_retention(facts.variables, minimum_retention_hours)


def judge_grants(facts: ServerFacts, user: str, database: str, table: str) -> Iterator[Finding]:
    """The privileges of the CDC user."""
    for privilege in ("REPLICATION SLAVE", "REPLICATION CLIENT"):
        granted = allows_globally(facts.grants, privilege)
        yield _granted(granted, user, privilege, "*.*")
    yield _granted(allows(facts.grants, "SELECT", database, table), user, "SELECT", f"`{database}`.*")


def judge_server_ids(facts: ServerFacts, server_ids: str, other_ranges: Mapping[str, str]) -> Iterator[Finding]:
    """The range of server ids that the source's readers use: two readers with one id throw each other out."""
    own = parse_range(server_ids)
    if own is None:
        yield Finding(
            False, f"server_ids {server_ids!r} is no range: write it as first-last, from 1 to {_MAX_SERVER_ID}"
        )
        return
    server_id = int(facts.variables["server_id"])
    remedy = "choose another range for server_ids"
    yield _finding(
        server_id not in own,
        f"server_ids {server_ids} leaves out the server's own id {server_id}",
        f"server_ids {server_ids} holds the server's own id {server_id}: {remedy}",
    )
    yield from _judge_overlaps(own, server_ids, other_ranges)
    if isinstance(facts.replicas, str):
        yield Finding(True, f"not checked: replicas within server_ids {server_ids}: {facts.replicas}")
        return
    taken = ", ".join(str(replica) for replica in facts.replicas if replica in own)
    yield _finding(
        not taken,
        f"server_ids {server_ids} holds no registered replica",
        f"server_ids {server_ids} holds the id of a registered replica ({taken}): {remedy}, or stop that replica",
    )


def judge_table(facts: ServerFacts, database: str, table: str) -> Finding:
    """The table and its primary key."""
    name = f"`{database}`.`{table}`"
    if not facts.table_exists:
        return Finding(False, f"table {name} is not there, or this user may not see it: create it, and grant SELECT")
    key = ", ".join(facts.primary_key)
    return _finding(
        bool(key),
        f"table {name} has the primary key {key}",
        f"table {name} has no primary key: add one with ALTER TABLE",
    )


def parse_range(server_ids: str) -> range | None:
    """The ids of `first-last`, both included; None when it is not of that form."""
    match = re.fullmatch(r"([0-9]{1,10})-([0-9]{1,10})", server_ids)
    if not match:
        return None
    first, last = int(match[1]), int(match[2])
    return range(first, last + 1) if 1 <= first <= last <= _MAX_SERVER_ID else None


def _read_facts(connection: Connection, database: str, table: str) -> ServerFacts:
    return ServerFacts(
        variables={str(name).lower(): str(value) for name, value in fetch_rows(connection, _VARIABLES)},
        grants=show_grants(connection),
        replicas=_replicas(connection),
        table_exists=bool(fetch_rows(connection, _TABLE, [database, table])),
        primary_key=tuple(row[0] for row in fetch_rows(connection, _PRIMARY_KEY, [database, table])),
    )


def _replicas(connection: Connection) -> tuple[int, ...] | str:
    """The ids of registered replicas, or the server's reason for not showing them."""
    try:
        # The newer names differ between MySQL and MariaDB; every version that passes the version check knows this one.
        return tuple(int(row[0]) for row in fetch_rows(connection, "SHOW SLAVE HOSTS"))
    except MySQLdb.OperationalError as error:
        if error.args[0] not in _DENIED:
            raise
        return str(error.args[1])
    except MySQLdb.ProgrammingError as error:
        return f"this server does not know SHOW SLAVE HOSTS ({error.args[0]})"


def _judge_version(version: str) -> Finding:
    # Connector 3.5.0 sends SHOW MASTER STATUS, which MySQL dropped in 8.4.
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    return _finding(
        "MariaDB" in version or numbers < (8, 4),
        f"server version {version} is supported",
        f"server version {version} has no SHOW MASTER STATUS, which this CDC connector needs: "
        "use MySQL 8.0 or MariaDB, or a newer connector",
    )


def _judge_retention(variables: Mapping[str, str], minimum_hours: float) -> Finding:
    # Where a server has both, the seconds rule unless they are 0; 0 everywhere means that nothing is purged.
    days = float(variables.get("expire_logs_days", 0))
    hours = float(variables.get("binlog_expire_logs_seconds", 0)) / 3600 or days * 24
    if not hours:
        return Finding(True, "ok binlogs are kept for ever")
    return _finding(
        hours >= minimum_hours,
        f"binlogs are kept for {hours:g} h, at least {minimum_hours:g} h",
        f"binlogs are kept for {hours:g} h, wanted at least {minimum_hours:g} h, or a job that was down longer "
        f"cannot go on: set binlog_expire_logs_seconds to {minimum_hours * 3600:.0f}, and in its configuration",
    )


def _judge_overlaps(own: range, server_ids: str, other_ranges: Mapping[str, str]) -> Iterator[Finding]:
    clashes = 0
    for pipeline, text in sorted(other_ranges.items()):
        other = parse_range(text)
        if other is None:
            clashes += 1
            yield Finding(False, f"server_ids {text!r} of pipeline {pipeline!r} is no range: write it as first-last")
        elif max(own.start, other.start) < min(own.stop, other.stop):
            clashes += 1
            yield Finding(
                False, f"server_ids {server_ids} overlaps {text} of pipeline {pipeline!r}: give each its own range"
            )
    if not clashes:
        yield Finding(True, f"ok server_ids {server_ids} overlaps no other pipeline's range")


def _granted(granted: bool, user: str, privilege: str, where: str) -> Finding:
    return _finding(
        granted,
        f"user {user!r} has {privilege} on {where}",
        f"user {user!r} lacks {privilege}: GRANT {privilege} ON {where} TO '{user}'@'%'",
    )


def _finding(passed: bool, good: str, bad: str) -> Finding:
    return Finding(passed, f"ok {good}" if passed else bad)
