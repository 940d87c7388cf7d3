"""A private local stack for the whole run: free ports and a data directory of its own, next to the user's."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.endpoints import FlinkEndpoint, KafkaEndpoint, MySqlEndpoint
from infra.settings import Settings, load_settings
from infra.stacks.local import stack as local_stack

PORT_KEYS = ("KAFKA", "KAFKA_CONTROLLER", "MYSQL", "FLINK_REST", "FLINK_RPC", "FLINK_BLOB", "AIRFLOW")


@dataclass(frozen=True)
class Stack:
    """A running local stack; `environ` makes `load_settings` of another process find the same ones."""

    settings: Settings
    environ: Mapping[str, str]

    @property
    def kafka(self) -> KafkaEndpoint:
        return local_stack.kafka_endpoint(self.settings)

    @property
    def flink(self) -> FlinkEndpoint:
        return local_stack.flink_endpoint(self.settings)

    @property
    def mysql_admin(self) -> MySqlEndpoint:
        return local_stack.mysql_admin(self.settings)

    def pid(self, service: str) -> int | None:
        """The process of a service; None while it has none."""
        return next(line.pid for line in local_stack.status(self.settings) if line.name == service)


def free_ports(count: int) -> list[int]:
    """Free ports below the range from which the kernel serves clients, so that none of these takes one meanwhile."""
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 2_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"this machine has no {count} free ports between 20000 and 32000")


def private_environ(data_dir: Path) -> dict[str, str]:
    """The settings of services that meet no others, as environment variables."""
    ports = zip(PORT_KEYS, free_ports(len(PORT_KEYS)), strict=True)
    return {
        "OLYMPIC_STREAMING_DATA_DIR": str(data_dir),
        **{f"OLYMPIC_STREAMING_PORTS_{key}": str(port) for key, port in ports},
    }


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Running services that all tests share. A test that stops one has it running again at its end."""
    environ = private_environ(tmp_path_factory.mktemp("stack") / "state")
    settings = load_settings(environ)
    try:
        local_stack.up(settings)
        yield Stack(settings, environ)
    finally:
        local_stack.clean(settings)
    assert not settings.data_dir.exists()
