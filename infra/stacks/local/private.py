"""The settings of a second local stack that shares nothing with the first: its own ports and data directory."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from infra.errors import SetupError
from infra.settings import PREFIX, PortSettings, load_settings

# Below the kernel's range for clients, so that no client uses one of them in the meantime.
_PORTS = range(20_000, 32_000)


def private_environment(data_dir: Path, security: str = "plaintext") -> dict[str, str]:
    """Return the settings as environment variables; SetupError if there are not enough free ports.

    The database server is that of the settings of this process.
    """
    keys = list(PortSettings.model_fields)
    ports = zip(keys, free_ports(len(keys)), strict=True)
    return {
        f"{PREFIX}DATA_DIR": str(data_dir),
        f"{PREFIX}MYSQL_SERVER": load_settings().mysql.server,
        f"{PREFIX}STACK_SECURITY": security,
        **{f"{PREFIX}PORTS_{key.upper()}": str(port) for key, port in ports},
    }


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nothing listens on at this moment; SetupError if there are not enough."""
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
        if len(found) == count:
            return found
    raise SetupError(f"fewer than {count} ports between {_PORTS.start} and {_PORTS.stop} are free. Stop some programs.")
