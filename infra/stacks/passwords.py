"""Generated passwords: created at the first start, kept in the data directory, readable only by its owner."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from pathlib import Path

from infra.errors import SetupError
from infra.stacks.private_files import write_private

SECRETS_FILE = "secrets.json"


def ensure_passwords(data_dir: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the password of every name, and generate missing ones; SetupError if the file is invalid."""
    path = data_dir / SECRETS_FILE
    existing = _read(path)
    missing = {name: secrets.token_urlsafe(24) for name in names if name not in existing}
    if missing:
        write_private(path, json.dumps(existing | missing, indent=1, sort_keys=True) + "\n")
    return {name: (existing | missing)[name] for name in names}


def known_passwords(data_dir: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the passwords of those names that have one, and generate none; SetupError if the file is invalid."""
    existing = _read(data_dir / SECRETS_FILE)
    return {name: existing[name] for name in names if name in existing}


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise SetupError(
            f"{path} is not JSON ({error.msg} in line {error.lineno}). "
            "Restore it, or run `make clean` to start from scratch."
        ) from error
    return {str(name): str(value) for name, value in content.items()}
