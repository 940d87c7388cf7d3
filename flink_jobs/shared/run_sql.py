"""The job script of every SQL job: run the statements of the `--scripts` folder, one per file, in the order of names.

`${name}` in a statement stands for the argument `--name value`, or else for the environment variable `NAME`, which
passes passwords. It is always inside a quoted literal, so quotes in the value are doubled.
"""

from __future__ import annotations

import os
import string
import sys
from collections.abc import Mapping
from pathlib import Path


class StatementTemplate(string.Template):
    """A template with `${name}` as the only placeholder, so that the `$` of a JSON path is not replaced."""

    pattern = r"\$(?:\{(?P<braced>[a-z_][a-z0-9_]*)\}|(?P<escaped>(?!))|(?P<named>(?!))|(?P<invalid>(?!)))"  # type: ignore[assignment]


def render_statements(folder: Path, arguments: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the statements of a folder by file name, in order; KeyError if a variable does not have a value."""
    statements = {}
    for path in sorted(folder.glob("*.sql")):
        template = StatementTemplate(path.read_text(encoding="utf-8"))
        values = {name: _value(path.name, name, arguments, environment) for name in template.get_identifiers()}
        statements[path.name] = template.substitute(values)
    return statements


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


def main() -> None:
    """Run every statement in streaming mode; the last one submits the job."""
    from pyflink.table import EnvironmentSettings, TableEnvironment

    arguments = parse_arguments(sys.argv[1:])
    environment = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for name, statement in render_statements(Path(arguments["scripts"]), arguments, os.environ).items():
        print(f"running {name}", flush=True)
        environment.execute_sql(statement)


if __name__ == "__main__":
    main()
