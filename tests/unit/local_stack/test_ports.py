"""A port in use is an error that names the port, the process and the fix."""

from __future__ import annotations

import os
import re
import socket

import pytest

from infra.errors import SetupError
from infra.stacks.local.ports import check_ports_free, free_port


def test_port_in_use_names_process_and_fix() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(SetupError) as caught:
            check_ports_free({"flink_rest": port})

    message = re.sub(r"flink_rest = \d+", "flink_rest = N", str(caught.value))
    name = re.search(rf"by process {os.getpid()} \((.*?)\)", message)
    assert name
    assert message == (
        f"port {port} on 127.0.0.1 is in use by process {os.getpid()} ({name[1]}), but ports.flink_rest requires it. "
        "Stop that process, or write `flink_rest = N` under [ports] in settings.local.toml, or set "
        "OLYMPIC_STREAMING_PORTS_FLINK_REST."
    )


def test_free_ports_are_accepted() -> None:
    check_ports_free({"kafka": free_port()})
