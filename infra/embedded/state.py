"""The state folder: its marker, which says that it is ours, and a folder whose path is short enough for sockets."""

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


def ensure_state_dir(settings: Settings) -> Path:
    """Make the state folder, closed to other users; SetupError when the path cannot serve or holds something else."""
    state = settings.state_dir
    if any(character.isspace() for character in str(state)):
        raise SetupError(
            f"state folder {state}: Flink's scripts cannot work in a path with spaces. Put it elsewhere: under [state] "
            "in settings.local.toml, or by OLYMPIC_STREAMING_STATE_DIR."
        )
    if state.is_dir() and any(state.iterdir()):
        check_ours(state)
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    state.chmod(0o700)
    (state / MARKER).touch()
    for folder in ("logs", "run"):
        (state / folder).mkdir(exist_ok=True)
    _ensure_socket_dir(state)
    return state


def check_ours(state: Path) -> None:
    """SetupError unless the folder carries our marker."""
    if not (state / MARKER).is_file():
        raise SetupError(
            f"state folder {state} is not ours: it has no file {MARKER}. Name another one under [state] in "
            "settings.local.toml or by OLYMPIC_STREAMING_STATE_DIR, or empty it yourself."
        )


def remove_state_dir(settings: Settings) -> bool:
    """Remove the state folder; False when there is none, SetupError when it is not ours."""
    state = settings.state_dir
    if not state.exists():
        return False
    check_ours(state)
    link = _socket_link(state)
    if link.is_symlink():
        shutil.rmtree(link.readlink(), ignore_errors=True)
    shutil.rmtree(state)
    return True


def socket_dir(state: Path) -> Path:
    """Where the sockets are: run/ below the state folder, or a short path in its place; the state folder must exist."""
    link = _socket_link(state)
    return link.readlink() if link.is_symlink() else state / "run"


def _ensure_socket_dir(state: Path) -> None:
    """Give a state folder with a long path a private folder among the temporary files, again when that was removed."""
    link = _socket_link(state)
    if link.is_dir() or len(os.fsencode(state / "run")) <= _LONGEST_SOCKET_DIR:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(tempfile.mkdtemp(prefix="olympic-"))


@contextmanager
def locked(state: Path, name: str) -> Iterator[None]:
    """One process at a time between here and the end of the block; the second waits."""
    with (state / "run" / f"{name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _socket_link(state: Path) -> Path:
    return state / "run" / "sockets"
