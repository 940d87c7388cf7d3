"""The secrets of docker/compose.yaml as files: generated once, kept below the data directory.

The containers run as other users and must read the mounted files, so every user can read these files. Only the owner
can enter the folder around them, so other users of this machine cannot reach the files.
"""

from __future__ import annotations

import json
from pathlib import Path

from infra.endpoints import KafkaEndpoint, MySqlEndpoint
from infra.pipeline.naming import ROLES, Role, password_name, user_name
from infra.settings import Settings
from infra.stacks.airflow_connections import Databases, render_connections
from infra.stacks.data_directory import ensure_data_dir
from infra.stacks.passwords import SECRETS_FILE, ensure_passwords

ROOT_PASSWORD = "mysql.root"  # noqa: S105 - its name
KAFKA, MYSQL = KafkaEndpoint("kafka:9092"), ("mysql", 3306)


def compose_dir(settings: Settings) -> Path:
    """Return the folder of all files that are written for Compose."""
    return settings.data_dir / "compose"


def mounted_dir(settings: Settings) -> Path:
    """Return the folder that docker/compose.yaml mounts from, its SECRETS_DIR."""
    return compose_dir(settings) / "mounted"


def have_secrets(settings: Settings) -> bool:
    """Return whether passwords exist, which the data of a volume can depend on."""
    return (compose_dir(settings) / SECRETS_FILE).is_file()


def ensure_secrets(settings: Settings, databases: Databases) -> str:
    """Write every file that is missing or differs; return created, changed or unchanged."""
    ensure_data_dir(settings)
    folder, mounted = compose_dir(settings), mounted_dir(settings)
    folder.mkdir(exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    existed = have_secrets(settings)
    users = [(database, role) for database in filter(None, databases.values()) for role in ROLES]
    names = [ROOT_PASSWORD, *(password_name(database, role) for database, role in users)]
    files = render_files(ensure_passwords(folder, names), databases)
    changed = [name for name, text in files.items() if _write(mounted / name, text)]
    return ("changed" if existed else "created") if changed else "unchanged"


def render_files(passwords: dict[str, str], databases: Databases) -> dict[str, str]:
    """Return the content of every file by its path below the mounted folder."""

    def endpoint(database: str, role: Role) -> MySqlEndpoint:
        password = passwords[password_name(database, role)]
        return MySqlEndpoint(*MYSQL, user_name(database, role), password, database)

    users = {"root": ("root", passwords[ROOT_PASSWORD])}
    for database in filter(None, databases.values()):
        for role in ROLES:
            found = endpoint(database, role)
            users[f"databases/{database}/{role}"] = (found.user, found.password)
    files = {"mysql-root-password": passwords[ROOT_PASSWORD]}
    for folder, (user, password) in users.items():
        files |= {f"mysql-users/{folder}/username": user, f"mysql-users/{folder}/password": password}
    connections = render_connections(databases, KAFKA, endpoint)
    return {**files, "airflow-connections.json": json.dumps(connections, indent=1)}


def _write(path: Path, text: str) -> bool:
    """Write the file in place, since running containers mount it; return whether it changed."""
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
