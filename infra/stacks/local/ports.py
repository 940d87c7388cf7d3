"""Whether the ports that a service needs are free, and who has them otherwise."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping

import psutil

from infra.errors import SetupError
from infra.stacks.local.processes import service_running_as

LOOPBACK = "127.0.0.1"


def check_ports_free(ports: Mapping[str, int]) -> None:
    """SetupError for the first taken port: who has it, which setting it is, and how to move it."""
    for key, port in ports.items():
        if _is_taken(port):
            raise SetupError(
                f"port {port} on {LOOPBACK} is taken{_by_whom(port)}, and ports.{key} needs it. Stop that process, or "
                f"move ours: write `{key} = {free_port()}` under [ports] in settings.local.toml, or set "
                f"OLYMPIC_STREAMING_PORTS_{key.upper()}."
            )


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do; else a closed connection counts
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise
    return False


def _by_whom(port: int) -> str:
    """Such as ` by process 4711 (java)`; nothing when this system does not tell us."""
    try:
        pids = [entry.pid for entry in psutil.net_connections("tcp") if _listens(entry, port)]
        pid = next(pid for pid in pids if pid)
        name = psutil.Process(pid).name()
    except (StopIteration, psutil.Error):
        return ""
    service = service_running_as(pid)
    return f" by process {pid} ({name}{f', service of {service}' if service else ''})"


def _listens(entry: object, port: int) -> bool:
    address = getattr(entry, "laddr", None)
    return getattr(entry, "status", "") == psutil.CONN_LISTEN and getattr(address, "port", None) == port
