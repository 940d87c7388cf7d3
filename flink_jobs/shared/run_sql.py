"""The job script of every job: run the statements and steps of the `--scripts` folder, in the order of their names.

A statement is a file `.sql` with one SQL statement. `${name}` in it stands for the argument `--name value`, or else for
the environment variable `NAME`. It is inside a quoted literal or a number, so quotes in the value are doubled. A
password is a reference, which is replaced by its value where a connection is opened. A step is a file `.py`, for what
SQL cannot say: its function `define(environment)` creates views.
"""

from __future__ import annotations

import json
import os
import runpy
import string
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyflink.table import StreamTableEnvironment, TableResult


class StatementTemplate(string.Template):
    """A template with `${name}` as the only placeholder, so that the `$` of a JSON path is not replaced."""

    pattern = r"\$(?:\{(?P<braced>[a-z_][a-z0-9_]*)\}|(?P<escaped>(?!))|(?P<named>(?!))|(?P<invalid>(?!)))"  # type: ignore[assignment]


def render_statement(path: Path, arguments: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """Return the statement of a file; KeyError if a variable does not have a value."""
    template = StatementTemplate(path.read_text(encoding="utf-8"))
    values = {name: _value(path.name, name, arguments, environment) for name in template.get_identifiers()}
    return template.substitute(values)


def _value(file: str, name: str, arguments: Mapping[str, str], environment: Mapping[str, str]) -> str:
    value = arguments.get(name, environment.get(name.upper()))
    if value is None:
        raise KeyError(f"{file}: ${{{name}}} does not have a value. Pass --{name}, or set {name.upper()}.")
    return value.replace("'", "''")


def parse_arguments(arguments: list[str]) -> dict[str, str]:
    """Return `--name value` pairs as a dict; ValueError if an argument is not part of such a pair."""
    variables = {}
    if len(arguments) % 2:
        raise ValueError(f"expected --name value, got {arguments[-1]!r} without a value")
    for flag, value in zip(arguments[::2], arguments[1::2], strict=True):
        if not flag.startswith("--"):
            raise ValueError(f"expected --name value, got {flag!r}")
        variables[flag[2:]] = value
    return variables


def steps_of(folder: Path) -> list[Path]:
    """Return the numbered files of a folder in the order of their names; this script may lie beside them."""
    return sorted(path for path in folder.iterdir() if path.name[0].isdigit() and path.suffix in (".sql", ".py"))


def run_step(
    environment: StreamTableEnvironment, path: Path, statement: str, arguments: Mapping[str, str] | None = None
) -> TableResult | None:
    """Run a step, or the rendered statement of a file; return the statement's result.

    Its tables get the login of the `arguments`, the JSON objects `kafka_properties` and `mysql_properties`.
    """
    if path.suffix == ".py":
        runpy.run_path(str(path))["define"](environment)
        return None
    if "'connector'" in statement and _creates_table(environment, statement, arguments or {}):
        return None
    return environment.execute_sql(statement)


def _creates_table(environment: StreamTableEnvironment, statement: str, arguments: Mapping[str, str]) -> bool:
    from pyflink.java_gateway import get_gateway

    java = get_gateway().jvm
    options = [_java_map(java, arguments.get(name, "{}")) for name in ("kafka_properties", "mysql_properties")]
    return bool(java.olympicstreaming.JobTables.create(environment._j_tenv, statement, *options))


def _java_map(java: Any, text: str) -> Any:
    found = java.java.util.HashMap()
    for name, value in json.loads(text).items():
        found.put(name, value)
    return found


def main() -> None:
    """Run every statement and step in streaming mode; the last statement submits the job."""
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.table import StreamTableEnvironment

    arguments = parse_arguments(sys.argv[1:])
    environment = StreamTableEnvironment.create(StreamExecutionEnvironment.get_execution_environment())
    for path in steps_of(Path(arguments["scripts"])):
        print(f"running {path.name}", flush=True)
        run_step(environment, path, render_statement(path, arguments, os.environ), arguments)


if __name__ == "__main__":
    main()
