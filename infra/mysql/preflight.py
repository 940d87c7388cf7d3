"""The preflight for change data capture: facts are read from the server first; the checks on them are pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import MySQLdb

from infra.endpoints import MySqlEndpoint
from infra.errors import PreflightError
from infra.mysql.connection import Connection, connect, fetch_rows
from infra.mysql.grants import Grants, allows, allows_globally, show_grants
from infra.pipeline.definition import MAX_SERVER_ID
from infra.versions import load_versions

_VARIABLES = """
    SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'log_bin', 'binlog_format', 'binlog_row_image',
    'server_id', 'expire_logs_days', 'binlog_expire_logs_seconds', 'binlog_transaction_compression', 'gtid_executed',
    'gtid_purged')"""
_VECTORS = """
    SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME, '.', COLUMN_NAME) FROM information_schema.COLUMNS
    WHERE DATA_TYPE = 'vector' ORDER BY 1 LIMIT 3"""
_PRIMARY_KEY = """
    SELECT COLUMN_NAME FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX"""
_TABLE = "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
_DENIED = {1227, 1045}
_AND_CONFIGURE = "and set it in the server's configuration."
MINIMUM_RETENTION_HOURS = 24
# A GTID set is uuid:interval:..., from MySQL 8.3 on also with tags between the intervals; a tag begins with a letter.
_TAG = re.compile(r":\s*([A-Za-z_][A-Za-z0-9_]*)")
_PLUGIN = re.compile(r"IDENTIFIED (?:WITH|VIA) '?(\w+)'?")
_UNSUPPORTED_PLUGINS = {"sha256_password"}
INTERCEPTOR = "olympicstreaming.BinaryLogStatus"
_SAME_ID = "The server does not show it, and disconnects one of two readers with the same id, in turns"
_NO_FAILOVER = (
    "not checked: a failover. The CDC connector ignores the GTIDs of MariaDB, so after one it goes on at the same file "
    "and position, which are others on the new server: start from scratch then"
)


@dataclass(frozen=True)
class ServerFacts:
    """The facts that the CDC user can read."""

    variables: Mapping[str, str]
    grants: Grants
    table_exists: bool = False
    primary_key: tuple[str, ...] = ()
    vector_columns: tuple[str, ...] = ()
    authentication: str = ""

    @property
    def is_mariadb(self) -> bool:
        """Whether the server is MariaDB."""
        return "MariaDB" in self.variables["version"]


@dataclass(frozen=True)
class Finding:
    """The result of one check; the text of a failure includes the fix."""

    passed: bool
    text: str


def check_cdc_ready(
    cdc: MySqlEndpoint,
    database: str,
    table: str,
    server_ids: str,
    other_ranges: Mapping[str, str] | None = None,
    minimum_retention_hours: float = MINIMUM_RETENTION_HOURS,
    without_interceptor: Sequence[str] = (),
) -> list[str]:
    """Check everything that change data capture requires, and return one "ok ..." or "not checked: ..." line per check.

    `other_ranges` has the server ids of the other pipelines by name, and `without_interceptor` the job scripts that
    read the server without the query interceptor. PreflightError lists every failure and its fix.
    """
    # Without a default database, so that a missing one is reported together with the other failures.
    with connect(replace(cdc, database=None)) as connection:
        facts = _read_facts(connection, database, table)
    findings = [
        *check_server(facts, minimum_retention_hours),
        *check_interceptor(facts, without_interceptor),
        *check_grants(facts, cdc.user, database, table),
        *check_server_ids(facts, server_ids, other_ranges or {}),
        check_table(facts, database, table),
    ]
    raise_failures(cdc, findings)
    return [finding.text for finding in findings]


def raise_failures(cdc: MySqlEndpoint, findings: Sequence[Finding]) -> None:
    """Raise PreflightError with every failure, if there is one."""
    failures = [finding.text for finding in findings if not finding.passed]
    if failures:
        listed = "".join(f"\n  - {failure}" for failure in failures)
        raise PreflightError(f"{cdc} is not ready for change data capture; failed checks: {len(failures)}{listed}")


def check_server(facts: ServerFacts, minimum_retention_hours: float) -> Iterator[Finding]:
    """Check version, binlog and retention."""
    yield _check_version(facts.variables["version"])
    for name, expected, fix in (
        ("log_bin", "ON", "Set log-bin in the server's configuration, and restart the server."),
        ("binlog_format", "ROW", f"Run SET GLOBAL binlog_format = 'ROW', {_AND_CONFIGURE}"),
        ("binlog_row_image", "FULL", f"Run SET GLOBAL binlog_row_image = 'FULL', {_AND_CONFIGURE}"),
    ):
        found = facts.variables.get(name, "not set").upper()
        yield _finding(found == expected, f"{name} is {expected}", f"{name} is {found}. Expected {expected}. {fix}")
    yield _check_retention(facts.variables, minimum_retention_hours)
    if facts.is_mariadb:
        yield Finding(True, _NO_FAILOVER)
    else:
        yield from _check_binlog_contents(facts)


def check_interceptor(facts: ServerFacts, without_interceptor: Sequence[str]) -> Iterator[Finding]:
    """Check that the jobs use the query interceptor if the server needs it."""
    version = facts.variables["version"]
    if facts.is_mariadb or _numbers(version) < _numbers(load_versions().mysql.interceptor_from):
        return
    yield _finding(
        not without_interceptor,
        "the jobs read the binlog position as this version requires",
        f"{', '.join(without_interceptor)}: the CDC connector cannot read MySQL {version} without the query "
        f"interceptor. Add 'jdbc.properties.queryInterceptors' = '{INTERCEPTOR}' to the options of the table.",
    )


def _check_binlog_contents(facts: ServerFacts) -> Iterator[Finding]:
    """Check for what the connector loses or fails on; MariaDB has none of it."""
    compressed = facts.variables.get("binlog_transaction_compression", "OFF").upper()
    yield _finding(
        compressed == "OFF",
        "binlog_transaction_compression is OFF",
        f"binlog_transaction_compression is {compressed}. Expected OFF, because the CDC connector skips compressed "
        f"transactions without an error. Run SET GLOBAL binlog_transaction_compression = OFF, {_AND_CONFIGURE}",
    )
    tags = _TAG.findall(" ".join(facts.variables.get(name, "") for name in ("gtid_executed", "gtid_purged")))
    yield _finding(
        not tags,
        "no transaction has a tagged GTID",
        f"the server has GTIDs with a tag ({', '.join(sorted(set(tags)))}), on which the CDC connector fails. Stop "
        "using tags (gtid_next = 'AUTOMATIC:tag'), then run RESET BINARY LOGS AND GTIDS, and restart the server.",
    )
    yield _finding(
        not facts.vector_columns,
        "no visible column has the type VECTOR",
        f"columns of type VECTOR ({', '.join(facts.vector_columns)}) end the CDC connector when they are written, in "
        "any database of the server. Move them to another server, or change their type.",
    )


def check_grants(facts: ServerFacts, user: str, database: str, table: str) -> Iterator[Finding]:
    """Check the authentication and the privileges of the CDC user."""
    yield from check_login(facts, user)
    yield _granted(allows(facts.grants, "SELECT", database, table), user, "SELECT", f"`{database}`.*")


def check_login(facts: ServerFacts, user: str) -> Iterator[Finding]:
    """Check the authentication of the CDC user, and its privileges on the server."""
    yield _finding(
        facts.authentication not in _UNSUPPORTED_PLUGINS,
        f"user {user!r} can log in to the binlog",
        f"user {user!r} logs in with {facts.authentication}, which the CDC connector does not support. "
        f"Run ALTER USER '{user}'@'%' IDENTIFIED WITH caching_sha2_password BY '...'.",
    )
    for privilege in ("REPLICATION SLAVE", "REPLICATION CLIENT"):
        granted = allows_globally(facts.grants, privilege)
        yield _granted(granted, user, privilege, "*.*")


def check_server_ids(facts: ServerFacts, server_ids: str, other_ranges: Mapping[str, str]) -> Iterator[Finding]:
    """Check the range of server ids of the CDC readers against the server's own, and those of other pipelines."""
    own = parse_range(server_ids)
    if own is None:
        yield Finding(
            False, f"server_ids {server_ids!r} is not a range. Write it as first-last, from 1 to {MAX_SERVER_ID}."
        )
        return
    server_id = int(facts.variables["server_id"])
    fix = "Choose another range for server_ids"
    yield _finding(
        server_id not in own,
        f"server_ids {server_ids} does not contain the server's own id {server_id}",
        f"server_ids {server_ids} contains the server's own id {server_id}. {fix}.",
    )
    yield from _check_overlaps(own, server_ids, other_ranges)
    # The server lists registered replicas, but a CDC reader does not register, and its id is not shown anywhere.
    yield Finding(True, f"not checked: whether another reader of this server uses {server_ids}. {_SAME_ID}")


def check_table(facts: ServerFacts, database: str, table: str) -> Finding:
    """Check that the table exists and has a primary key."""
    name = f"`{database}`.`{table}`"
    if not facts.table_exists:
        return Finding(False, f"table {name} does not exist, or this user cannot see it. Create it, or grant SELECT.")
    key = ", ".join(facts.primary_key)
    return _finding(
        bool(key),
        f"table {name} has the primary key {key}",
        f"table {name} does not have a primary key. Add one with ALTER TABLE.",
    )


def parse_range(server_ids: str) -> range | None:
    """Return the ids of `first-last`, both inclusive; None if the text is not a valid range."""
    match = re.fullmatch(r"([0-9]{1,10})-([0-9]{1,10})", server_ids)
    if not match:
        return None
    first, last = int(match[1]), int(match[2])
    return range(first, last + 1) if 1 <= first <= last <= MAX_SERVER_ID else None


def _read_facts(connection: Connection, database: str, table: str) -> ServerFacts:
    return replace(
        read_server(connection),
        table_exists=bool(fetch_rows(connection, _TABLE, [database, table])),
        primary_key=tuple(row[0] for row in fetch_rows(connection, _PRIMARY_KEY, [database, table])),
    )


def read_server(connection: Connection) -> ServerFacts:
    """Return the facts of the server, without those of a table."""
    return ServerFacts(
        variables={str(name).lower(): str(value) for name, value in fetch_rows(connection, _VARIABLES)},
        grants=show_grants(connection),
        vector_columns=tuple(str(row[0]) for row in fetch_rows(connection, _VECTORS)),
        authentication=_authentication(connection),
    )


def _authentication(connection: Connection) -> str:
    """Return the authentication plugin of this user, or nothing if the server does not show it."""
    try:
        created = str(fetch_rows(connection, "SHOW CREATE USER CURRENT_USER()")[0][0])
    except (MySQLdb.OperationalError, MySQLdb.ProgrammingError) as error:
        if error.args[0] not in _DENIED:
            raise
        return ""
    match = _PLUGIN.search(created)
    return match[1] if match else ""


def _check_version(version: str) -> Finding:
    limits = load_versions().mysql
    if "MariaDB" in version:
        return _finding(
            _numbers(version) >= _numbers(limits.oldest_mariadb),
            f"server version {version} is supported",
            f"server version {version} is too old. Expected MariaDB {limits.oldest_mariadb} or later. "
            "Upgrade the server.",
        )
    return _finding(
        _numbers(limits.oldest) <= _numbers(version) <= _numbers(limits.newest),
        f"server version {version} is supported",
        f"server version {version} was not tried with the CDC connector. Expected MySQL {limits.oldest} to "
        f"{limits.newest}, or MariaDB {limits.oldest_mariadb} or later. Use one of them.",
    )


def _numbers(version: str) -> tuple[int, ...]:
    """Return major and minor version."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _check_retention(variables: Mapping[str, str], minimum_hours: float) -> Finding:
    # If a server has both, the seconds take precedence unless they are 0. If both are 0, nothing is purged.
    days = float(variables.get("expire_logs_days", 0))
    hours = float(variables.get("binlog_expire_logs_seconds", 0)) / 3600 or days * 24
    if not hours:
        return Finding(True, "ok binlogs are kept forever")
    return _finding(
        hours >= minimum_hours,
        f"binlogs are kept for {hours:g} h, at least {minimum_hours:g} h",
        f"binlogs are kept for {hours:g} h. Expected at least {minimum_hours:g} h, because a job that is down longer "
        f"cannot resume. Run SET GLOBAL binlog_expire_logs_seconds = {minimum_hours * 3600:.0f}, {_AND_CONFIGURE}",
    )


def _check_overlaps(own: range, server_ids: str, other_ranges: Mapping[str, str]) -> Iterator[Finding]:
    clashes = 0
    for pipeline, text in sorted(other_ranges.items()):
        other = parse_range(text)
        if other is None:
            clashes += 1
            yield Finding(
                False, f"server_ids {text!r} of pipeline {pipeline!r} is not a range. Write it as first-last."
            )
        elif max(own.start, other.start) < min(own.stop, other.stop):
            clashes += 1
            yield Finding(
                False, f"server_ids {server_ids} overlaps {text} of pipeline {pipeline!r}. Give each its own range."
            )
    if not clashes:
        yield Finding(True, f"ok server_ids {server_ids} does not overlap the range of another pipeline")


def _granted(granted: bool, user: str, privilege: str, where: str) -> Finding:
    return _finding(
        granted,
        f"user {user!r} has {privilege} on {where}",
        f"user {user!r} does not have {privilege}. Run GRANT {privilege} ON {where} TO '{user}'@'%'.",
    )


def _finding(passed: bool, success: str, failure: str) -> Finding:
    return Finding(passed, f"ok {success}" if passed else failure)
