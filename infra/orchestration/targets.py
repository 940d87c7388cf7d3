"""The targets by name, for tasks and triggers alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.errors import SettingsError

if TYPE_CHECKING:
    from infra.targets.base import Target


def _local() -> Target:
    from infra.settings import load_settings
    from infra.targets.local import LocalTarget  # here, since a DAG file must parse without any client

    return LocalTarget(load_settings())


FACTORIES: dict[str, Callable[[], Target]] = {"local": _local}
TARGETS = tuple(FACTORIES)


def target_named(name: str) -> Target:
    """The target that a DAG run asks for; SettingsError names the ones there are."""
    if name not in FACTORIES:
        raise SettingsError(f"Unknown deployment target {name!r}. The available targets are: {', '.join(FACTORIES)}")
    return FACTORIES[name]()
