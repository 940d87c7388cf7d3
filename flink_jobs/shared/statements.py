"""Runs the SQL statements that lie beside a job script: one statement a file, in the order of the file names.

`${name}` in a statement stands for the argument `--name value`, or for the environment variable `NAME` where the job
lists it among its secrets; it is always inside a quoted literal, so quotes in the value are doubled.
"""

from __future__ import annotations

import os
import string
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyflink.table import TableEnvironment


class StatementTemplate(string.Template):
    """Knows `${name}` alone, so that a `$` of a JSON path stays what it is."""

    pattern = r"\$(?:\{(?P<braced>[a-z_][a-z0-9_]*)\}|(?P<escaped>(?!))|(?P<named>(?!))|(?P<invalid>(?!)))"  # type: ignore[assignment]


def render_statements(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The statements of a folder by file name, in order; KeyError names a variable that has no value."""
    quoted = {name: value.replace("'", "''") for name, value in variables.items()}
    statements = {}
    for path in sorted(folder.glob("*.sql")):
        try:
            statements[path.name] = StatementTemplate(path.read_text(encoding="utf-8")).substitute(quoted)
        except KeyError as error:
            raise KeyError(f"{path.name} needs a value for ${{{error.args[0]}}}: give --{error.args[0]}") from None
    return statements


def parse_arguments(arguments: list[str]) -> dict[str, str]:
    """`--name value` pairs as a dict; ValueError says which argument is not such a pair."""
    variables = {}
    if len(arguments) % 2:
        raise ValueError(f"expected --name value, got {arguments[-1]!r} without a value")
    for flag, value in zip(arguments[::2], arguments[1::2], strict=True):
        if not flag.startswith("--"):
            raise ValueError(f"expected --name value, got {flag!r}")
        variables[flag[2:]] = value
    return variables


def run_statements(environment: TableEnvironment, secrets: tuple[str, ...] = ()) -> None:
    """Runs every statement of the folder named by `--scripts`; the last one submits the job."""
    variables = parse_arguments(sys.argv[1:])
    variables |= {name: os.environ[name.upper()] for name in secrets}
    for name, statement in render_statements(Path(variables["scripts"]), variables).items():
        print(f"running {name}", flush=True)
        environment.execute_sql(statement)
