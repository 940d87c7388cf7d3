"""Which texts are a condition and nothing else. The columns are checked by the server, so in the tier `local`."""

from __future__ import annotations

import pytest

from infra.mysql.row_condition import problem_of


@pytest.mark.parametrize(
    "condition",
    [
        "id = 5",
        "created >= '2026-02-01' AND (kind = \"a;b\" OR note LIKE '%--%')",
        "note = 'it''s a select' AND `order` > 3",
        "JSON_EXTRACT(tags, '$.a') = 1",
    ],
)
def test_condition_of_any_columns_is_allowed(condition: str) -> None:
    assert problem_of(condition) is None


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("id = 1; DROP TABLE t", "contains ';'"),
        ("id = 1 -- all", "contains '--'"),
        ("id = 1 # all", "contains '#'"),
        ("id /* all */ = 1", "contains '/*'"),
        ("name = 'a", 'contains "\'"'),
        (r"name = 'a\' OR note = ' OR 1 = 1'", 'contains "\'"'),
        ("id = ?", "contains '?'"),
        ("1 = 0) UNION SELECT * FROM users WHERE (1 = 1", "contains 'UNION'"),
        ("id IN (SELECT id FROM users)", "contains 'SELECT'"),
        ("id = sleep(10)", "contains 'sleep'"),
        ("id = 1 LIMIT 5", "contains 'LIMIT'"),
        ("id = 1) OR (1 = 1", "parentheses do not match"),
        ("(id = 1", "parentheses do not match"),
    ],
)
def test_anything_else_is_refused(condition: str, problem: str) -> None:
    assert problem in str(problem_of(condition))
