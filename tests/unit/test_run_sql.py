"""The statements of a job: variables, quotes, and the order of the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from flink_jobs.shared.run_sql import parse_arguments, render_statement, steps_of


def rendered(folder: Path, statement: str, **variables: str) -> str:
    path = folder / "10_table.sql"
    path.write_text(statement)
    return render_statement(path, variables, {})


def test_variable_gets_its_value(tmp_path: Path) -> None:
    assert rendered(tmp_path, "'topic' = '${players_topic}'", players_topic="a.b") == "'topic' = 'a.b'"


def test_environment_variable_replaces_a_missing_argument(tmp_path: Path) -> None:
    (tmp_path / "10_table.sql").write_text("'${user}', '${password}'")

    statement = render_statement(tmp_path / "10_table.sql", {"user": "me"}, {"USER": "root", "PASSWORD": "it's"})

    assert statement == "'me', 'it''s'"


def test_quotes_of_a_value_are_doubled(tmp_path: Path) -> None:
    assert rendered(tmp_path, "'password' = '${secret}'", secret="it's ''") == "'password' = 'it''s '''''"


def test_value_is_not_a_template(tmp_path: Path) -> None:
    assert rendered(tmp_path, "'${a}'", a="${b} $$ \\1", b="c") == "'${b} $$ \\1'"


@pytest.mark.parametrize("text", ["JSON_VALUE(v, '$.path')", "'$'", "'$$'", "'$name'", "'$[0]'", "'${}'", "'100 $'"])
def test_other_dollars_are_not_replaced(tmp_path: Path, text: str) -> None:
    assert rendered(tmp_path, text, name="x", path="y") == text


def test_files_are_utf8(tmp_path: Path) -> None:
    (tmp_path / "10_table.sql").write_bytes("-- Größe 😀\n'${name}'".encode())

    assert render_statement(tmp_path / "10_table.sql", {"name": "Žofie"}, {}) == "-- Größe 😀\n'Žofie'"


def test_missing_variable_is_named_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(KeyError) as caught:
        rendered(tmp_path, "'${players_topic}'", topic="x")

    assert caught.value.args == (
        "10_table.sql: ${players_topic} does not have a value. Pass --players_topic, or set PLAYERS_TOPIC.",
    )


def test_numbered_statements_and_steps_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("90_publish.sql", "10_table.sql", "20_view.py", "notes.txt", "30_notes.txt", "run_sql.py", "view.sql"):
        (tmp_path / name).touch()

    assert [path.name for path in steps_of(tmp_path)] == ["10_table.sql", "20_view.py", "90_publish.sql"]


def test_arguments_are_pairs() -> None:
    assert parse_arguments(["--topic", "a", "--empty", "", "--dashes", "--x"]) == {
        "topic": "a",
        "empty": "",
        "dashes": "--x",
    }


def test_argument_without_dashes_is_named() -> None:
    with pytest.raises(ValueError, match=r"^expected --name value, got 'topic'$"):
        parse_arguments(["topic", "a"])


def test_argument_without_a_value_is_rejected() -> None:
    with pytest.raises(ValueError, match="expected --name value, got '--topic' without a value"):
        parse_arguments(["--topic"])
