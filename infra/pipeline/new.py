"""The definition of a new pipeline that captures tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from infra.errors import DefinitionError
from infra.pipeline.definition import NAME_PATTERN
from infra.pipeline.loader import DEFINITION_FILE, load_pipeline, load_valid_pipelines

_IDS = 10
_FIRST_ID = 5400
_TEMPLATE = """\
name: {name}
description: The tables of the database {database}
source:
  mysql:
    database: {database}
{refused}    # Names, and shell patterns such as "order_*". Other tables are neither read nor looked at.
    tables: {tables}
    # The topic of the table `customers` is `{name}.customers`.
    topics: {{prefix: {name}., partitions: 2}}
    # The CDC reader registers with the server as a replica. Every pipeline requires its own range of ids.
    server_ids: {server_ids}
jobs:
  capture: {{script: ../shared/capture_tables.py, uses: [kafka, mysql], parallelism: 2}}
"""


def create_pipeline(root: Path, name: str, database: str, tables: Sequence[str], refused: Mapping[str, str]) -> Path:
    """Create the folder of a pipeline in `root`, and return the path of its definition.

    `tables` are names or patterns, and `refused` has why other tables cannot be captured. DefinitionError if the folder
    exists, or if a name is invalid; then nothing is created.
    """
    folder = root / name
    if not re.fullmatch(NAME_PATTERN, name):
        raise DefinitionError(
            f"pipeline {name!r}: not a name. Expected at most 40 lower-case letters, digits and underscores, with a "
            "letter first. Fix PIPELINE."
        )
    if folder.exists():
        raise DefinitionError(f"{folder} exists. Edit its {DEFINITION_FILE}, or choose another PIPELINE.")
    lines = [f"    # Not {table}: {reason}\n" for table, reason in refused.items()]
    ids = free_server_ids(other.mysql_source.server_ids for other in load_valid_pipelines(root) if other.source.mysql)
    text = _TEMPLATE.format(
        name=name, database=database, tables=json.dumps(list(tables)), server_ids=ids, refused="".join(lines)
    )
    folder.mkdir(parents=True)
    path = folder / DEFINITION_FILE
    try:
        path.write_text(text, encoding="utf-8")
        load_pipeline(folder)
    except DefinitionError:
        path.unlink()
        folder.rmdir()
        raise
    return path


def free_server_ids(used: Iterable[str]) -> str:
    """Return a range of server ids after all others."""
    last = max((int(ids.split("-")[1]) for ids in used), default=_FIRST_ID - 1)
    return f"{last + 1}-{last + _IDS}"
