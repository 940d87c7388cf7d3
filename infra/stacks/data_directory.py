"""The data directory: its marker file, and a folder whose path is short enough for unix sockets."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.errors import SetupError
from infra.settings import Settings

MARKER = ".olympic-streaming"
# A unix socket's path has at most 107 bytes; the supervisor first binds a name with its process id at the end.
_LONGEST_SOCKET_DIR = 107 - len("/supervisor.sock.4194304")


def ensure_data_dir(settings: Settings) -> Path:
    """Create the data directory, private to its owner; SetupError if the path is unusable or holds other files."""
    data_dir = settings.data_dir
    if any(character.isspace() for character in str(data_dir)):
        raise SetupError(
            f"data directory {data_dir}: the path has spaces, which Flink's scripts do not support. Set another one "
            "with dir under [data] in settings.local.toml, or with OLYMPIC_STREAMING_DATA_DIR."
        )
    if data_dir.is_dir() and any(data_dir.iterdir()):
        check_marker(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    data_dir.chmod(0o700)
    (data_dir / MARKER).touch()
    for folder in ("logs", "run"):
        (data_dir / folder).mkdir(exist_ok=True)
    _ensure_socket_dir(data_dir)
    return data_dir


def check_marker(data_dir: Path) -> None:
    """Check that the folder has the marker file; SetupError if not, because it can contain files of others."""
    if not (data_dir / MARKER).is_file():
        raise SetupError(
            f"data directory {data_dir}: the marker file {MARKER} is missing, so the folder was not created by this "
            "platform. Set another one with dir under [data] in settings.local.toml or with "
            "OLYMPIC_STREAMING_DATA_DIR, or empty the folder."
        )


def remove_data_dir(settings: Settings) -> bool:
    """Delete the data directory; return False if it does not exist. SetupError if it does not have the marker file."""
    data_dir = settings.data_dir
    if not data_dir.exists():
        return False
    check_marker(data_dir)
    link = _socket_link(data_dir)
    if link.is_symlink():
        shutil.rmtree(link.readlink(), ignore_errors=True)
    shutil.rmtree(data_dir)
    return True


def socket_dir(data_dir: Path) -> Path:
    """Return the folder of the sockets: run/ of the existing data directory, or a folder with a shorter path."""
    link = _socket_link(data_dir)
    return link.readlink() if link.is_symlink() else data_dir / "run"


def _ensure_socket_dir(data_dir: Path) -> None:
    """Create a private temporary folder for the sockets if the data directory has a long path."""
    link = _socket_link(data_dir)
    if link.is_dir() or len(os.fsencode(data_dir / "run")) <= _LONGEST_SOCKET_DIR:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(tempfile.mkdtemp(prefix="olympic-"))


@contextmanager
def locked(data_dir: Path, name: str) -> Iterator[None]:
    """Let only one process at a time run the block; others wait."""
    with (data_dir / "run" / f"{name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _socket_link(data_dir: Path) -> Path:
    return data_dir / "run" / "sockets"
