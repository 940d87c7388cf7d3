"""The secrets of docker/compose.yaml as files: made once, kept below the state folder.

The containers run as users of their own and must read what is mounted into them, so these files are open to all; the
folder around them is open to its owner alone, and so nobody else of this machine comes as far as the files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from infra.embedded.airflow import ROLES as ROLE_OF_CONNECTION
from infra.embedded.secrets import SECRETS_FILE, ensure_passwords
from infra.embedded.state import ensure_state_dir
from infra.mysql.users import Role, user_name
from infra.settings import Settings

ROOT_PASSWORD = "mysql.root"  # noqa: S105 - its name
KAFKA, MYSQL = ("kafka", 9092), ("mysql", 3306)
ROLES: tuple[Role, ...] = ("application", "cdc", "reader")
# By pipeline; None where it starts from a topic and has none.
Databases = Mapping[str, str | None]


def compose_dir(settings: Settings) -> Path:
    """The folder of everything that is written for Compose."""
    return settings.state_dir / "compose"


def mounted_dir(settings: Settings) -> Path:
    """What docker/compose.yaml calls SECRETS_DIR."""
    return compose_dir(settings) / "mounted"


def have_secrets(settings: Settings) -> bool:
    """Whether there are passwords, which a volume of data may depend on."""
    return (compose_dir(settings) / SECRETS_FILE).is_file()


def ensure_secrets(settings: Settings, databases: Databases) -> str:
    """Writes what is missing or differs, and says what it did."""
    ensure_state_dir(settings)
    folder, mounted = compose_dir(settings), mounted_dir(settings)
    folder.mkdir(exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    known = have_secrets(settings)
    names = [ROOT_PASSWORD, *(_name(database, role) for database in filter(None, databases.values()) for role in ROLES)]
    files = render_files(ensure_passwords(folder, names), databases)
    changed = [name for name, text in files.items() if _write(mounted / name, text)]
    return ("changed" if known else "created") if changed else "unchanged"


def render_files(passwords: dict[str, str], databases: Databases) -> dict[str, str]:
    """The content of every file by its path below the mounted folder."""
    users = {"root": ("root", passwords[ROOT_PASSWORD])}
    for database in filter(None, databases.values()):
        for role in ROLES:
            users[f"databases/{database}/{role}"] = (user_name(database, role), passwords[_name(database, role)])
    files = {"mysql-root-password": passwords[ROOT_PASSWORD]}
    for place, (user, password) in users.items():
        files |= {f"mysql-users/{place}/username": user, f"mysql-users/{place}/password": password}
    return {**files, "airflow-connections.json": json.dumps(_connections(passwords, databases), indent=1)}


def _connections(passwords: dict[str, str], databases: Databases) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for pipeline, database in databases.items():
        found[f"{pipeline}_kafka"] = {"conn_type": "kafka", "host": KAFKA[0], "port": KAFKA[1]}
        if database is None:
            continue
        for suffix, role in ROLE_OF_CONNECTION.items():
            found[f"{pipeline}_{suffix}"] = {
                "conn_type": "mysql",
                "host": MYSQL[0],
                "port": MYSQL[1],
                "login": user_name(database, role),
                "password": passwords[_name(database, role)],
                "schema": database,
            }
    return found


def _name(database: str, role: Role) -> str:
    return f"mysql.{database}.{role}"


def _write(path: Path, text: str) -> bool:
    """Whether the file had to change. It stays the same file, since a running container has it mounted."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in (path.parent, *path.parent.parents):
        if folder.name == "compose":
            break
        folder.chmod(0o755)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return True
