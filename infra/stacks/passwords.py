"""Passwords of the local stack: made at the first start, kept in the data directory, readable by its owner only."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from pathlib import Path

from infra.errors import SetupError
from infra.stacks.private_files import write_private

SECRETS_FILE = "secrets.json"


def ensure_passwords(data_dir: Path, names: Iterable[str]) -> dict[str, str]:
    """The password of every name; those that have none yet get one. SetupError when the file cannot be read."""
    path = data_dir / SECRETS_FILE
    known = _read(path)
    missing = {name: secrets.token_urlsafe(24) for name in names if name not in known}
    if missing:
        write_private(path, json.dumps(known | missing, indent=1, sort_keys=True) + "\n")
    return {name: (known | missing)[name] for name in names}


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise SetupError(
            f"{path} is not JSON ({error.msg} in line {error.lineno}). Restore it, or run `make clean` to start anew."
        ) from error
    return {str(name): str(value) for name, value in content.items()}
