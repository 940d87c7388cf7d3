"""The targets by name, for tasks and triggers alike."""

from __future__ import annotations

from infra.errors import SettingsError
from infra.settings import load_settings
from infra.targets.base import Target
from infra.targets.local import LocalTarget

TARGETS = ("local",)


def target_named(name: str) -> Target:
    """The target that a DAG run asks for; SettingsError names the ones there are."""
    if name == LocalTarget.name:
        return LocalTarget(load_settings())
    raise SettingsError(f"Unknown deployment target {name!r}. The available targets are: {', '.join(TARGETS)}")
