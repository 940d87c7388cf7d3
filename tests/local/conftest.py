"""A private local stack for the whole run: free ports and a data directory of its own, next to the user's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from infra.endpoints import FlinkEndpoint, KafkaEndpoint, MySqlEndpoint
from infra.settings import Settings, load_settings
from infra.stacks.local import stack as local_stack
from infra.stacks.local.private import private_environment


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


@contextmanager
def running_stack(environ: Mapping[str, str]) -> Iterator[Stack]:
    """Yield the services of an environment while they run; delete them and their data afterwards."""
    settings = load_settings(environ)
    try:
        local_stack.up(settings)
        yield Stack(settings, environ)
    finally:
        local_stack.clean(settings)
    assert not settings.data_dir.exists()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Running services that all tests share. A test that stops one has it running again at its end."""
    with running_stack(private_environment(tmp_path_factory.mktemp("stack") / "data")) as running:
        yield running
