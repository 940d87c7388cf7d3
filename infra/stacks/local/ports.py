"""The ports of a service: check that they are free, and name the process that uses them otherwise."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping

import psutil

from infra.errors import SetupError
from infra.stacks.local.processes import service_running_as

LOOPBACK = "127.0.0.1"


def check_ports_free(ports: Mapping[str, int]) -> None:
    """Check that every port is free; SetupError names the process that uses one, its setting, and how to change it."""
    for key, port in ports.items():
        if _is_in_use(port):
            raise SetupError(
                f"port {port} on {LOOPBACK} is in use{_by_whom(port)}, but ports.{key} requires it. Stop that process, "
                f"or write `{key} = {free_port()}` under [ports] in settings.local.toml, or set "
                f"OLYMPIC_STREAMING_PORTS_{key.upper()}."
            )


def free_port() -> int:
    """Return a port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _is_in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do; otherwise closed connections count
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise
    return False


def _by_whom(port: int) -> str:
    """Return a phrase such as ` by process 4711 (java)`; empty if this system does not reveal the process."""
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
