"""The privileges of a user, parsed from SHOW GRANTS of MySQL and MariaDB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from infra.mysql.connection import Connection, fetch_rows

EVERYTHING = "*.*"
Grants = Mapping[str, frozenset[str]]

# `GRANT a, b (c, d) ON x TO user ...`; the part after TO may contain a password hash and is not parsed.
_NAME = r"(?:`(?:[^`]|``)*`|\*)"
_GRANT = re.compile(rf"GRANT (?P<privileges>.+?) ON (?P<object>{_NAME}\.{_NAME}) TO ", re.DOTALL)
_ROLE = re.compile(r"GRANT (?P<role>\S+) TO ")
_SEPARATOR = re.compile(r",\s*(?![^()]*\))")
# MariaDB 10.5 renamed the first; both servers accept the newer name of the second.
_SYNONYMS = {"BINLOG MONITOR": "REPLICATION CLIENT", "REPLICATION REPLICA": "REPLICATION SLAVE"}


def parse_grants(lines: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return privileges by object (`*.*`, or the name as the server quotes it), without objects that have only USAGE.

    A role is the object `role <name>` with the privilege MEMBER.
    """
    grants: dict[str, frozenset[str]] = {}
    for line in lines:
        if match := _GRANT.match(line):
            words = {word.strip().upper() for word in _SEPARATOR.split(match["privileges"])}
            if "WITH GRANT OPTION" in line.upper():
                words.add("GRANT OPTION")
            found = frozenset(_SYNONYMS.get(word, word) for word in words - {"USAGE"})
            grants[match["object"]] = grants.get(match["object"], frozenset()) | found
        elif match := _ROLE.match(line):
            grants[f"role {match['role']}"] = frozenset({"MEMBER"})
    return {scope: privileges for scope, privileges in grants.items() if privileges}


def show_grants(connection: Connection, user: str | None = None) -> dict[str, frozenset[str]]:
    """Return the grants of `user` at any host (`%`), or of the connection's own user."""
    if user is None:
        rows = fetch_rows(connection, "SHOW GRANTS")
    else:
        rows = fetch_rows(connection, "SHOW GRANTS FOR %s@'%%'", [user])
    return parse_grants(str(row[0]) for row in rows)


def allows(grants: Grants, privilege: str, database: str, table: str) -> bool:
    """Return whether the grants include the privilege on the table, its database, or `*.*`."""
    return any(
        {privilege, "ALL PRIVILEGES"} & privileges and _covers(scope, database, table)
        for scope, privileges in grants.items()
    )


def allows_globally(grants: Grants, privilege: str) -> bool:
    """Return whether the grants on `*.*` include the privilege."""
    return bool({privilege, "ALL PRIVILEGES"} & grants.get(EVERYTHING, frozenset()))


def database_scope(database: str, *, wildcards: bool) -> str:
    """Return all tables of one database as an object of GRANT; `wildcards` escapes `_` and `%`."""
    pattern = re.sub(r"([_%\\])", r"\\\1", database) if wildcards else database
    return f"`{pattern.replace('`', '``')}`.*"


def _covers(scope: str, database: str, table: str) -> bool:
    if scope == EVERYTHING:
        return True
    names = re.fullmatch(r"`((?:[^`]|``)*)`\.(?:`((?:[^`]|``)*)`|\*)", scope)
    if not names:
        return False
    pattern, only_table = names[1].replace("``", "`"), names[2]
    if only_table is not None:
        return (pattern, only_table.replace("``", "`")) == (database, table)
    return pattern == database or re.fullmatch(_like(pattern), database) is not None


def _like(pattern: str) -> str:
    """Return a LIKE pattern as a regular expression."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wildcards = {"%": ".*", "_": "."}
    return "".join(wildcards.get(part) or re.escape(part[-1]) for part in parts)
