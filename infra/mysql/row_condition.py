"""The condition that selects rows of a table, as a user writes it: SQL after WHERE, and nothing else."""

from __future__ import annotations

import re

from infra.errors import DefinitionError, TerminalError
from infra.mysql.connection import Connection, fetch_rows, quoted

# Without backslashes, whose meaning depends on the server's sql_mode.
_QUOTED = re.compile(r"'(?:[^'\\]|'')*'|\"(?:[^\"\\]|\"\")*\"|`(?:[^`]|``)*`")
_FORBIDDEN = re.compile(r"['\"`\\;?#]|--|/\*")
_WORDS = re.compile(
    r"\b(?:select|table|values|union|except|intersect|with|into|for|lock|limit|order|group|having|procedure"
    r"|sleep|benchmark|get_lock|load_file)\b",
    re.IGNORECASE,
)
_EXPECTED = "Expected the part of a query after WHERE, about columns of this table, such as created >= '2026-02-01'."


def check_condition(connection: Connection, database: str, table: str, condition: str) -> None:
    """Raise DefinitionError if a condition is more than one, or if the server does not accept it."""
    if problem := problem_of(condition):
        raise DefinitionError(f"where {condition!r}: {problem}. {_EXPECTED}")
    sql = f"EXPLAIN SELECT 1 FROM {quoted(database)}.{quoted(table)} WHERE ({condition}\n)"  # noqa: S608, checked
    try:
        fetch_rows(connection, sql)
    except TerminalError as error:
        raise DefinitionError(f"where {condition!r}: {error}. {_EXPECTED}") from error


def problem_of(condition: str) -> str | None:
    """Return why a text is more than a condition; None if it is one."""
    rest = _QUOTED.sub(" x ", condition)
    if found := _FORBIDDEN.search(rest):
        return f"contains {found[0]!r}, which is not allowed outside of quotes"
    if found := _WORDS.search(rest):
        return f"contains {found[0]!r}, which is not allowed; quote a column of this name with backticks"
    depth = 0
    for parenthesis in re.findall(r"[()]", rest):
        depth += 1 if parenthesis == "(" else -1
        if depth < 0:  # also if they match in the end, because the condition is put into parentheses itself
            break
    return "its parentheses do not match" if depth else None
