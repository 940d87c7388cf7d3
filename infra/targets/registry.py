"""Every target by name: the one list that the DAG forms, the settings and the triggers read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.errors import SettingsError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

    from infra.jobs.target import Target
    from infra.settings import Settings

# Returns a client, and the namespace of its connection if it has one. Airflow's connections are above this layer.
KubernetesConnection = Callable[[], "tuple[ApiClient, str | None]"]
Factory = Callable[["Settings", KubernetesConnection], "Target"]


def _local(settings: Settings, _: KubernetesConnection) -> Target:
    from infra.targets.local import (
        local_target,
    )  # imported here, because a DAG file must parse without loading a client

    return local_target(settings)


def _session(settings: Settings, _: KubernetesConnection) -> Target:
    from infra.targets.session import session_target

    return session_target(settings)


def _kubernetes(settings: Settings, connect: KubernetesConnection) -> Target:
    from infra.targets.kubernetes import kubernetes_target

    client, namespace = connect()
    return kubernetes_target(client, namespace, settings.kubernetes)


FACTORIES: dict[str, Factory] = {"local": _local, "session": _session, "kubernetes": _kubernetes}
TARGETS = tuple(FACTORIES)


def create_target(name: str, settings: Settings, connect_to_kubernetes: KubernetesConnection) -> Target:
    """Return the target of that name; SettingsError lists the available ones."""
    if name not in FACTORIES:
        raise SettingsError(f'Unknown deployment target "{name}". The available targets are: {", ".join(FACTORIES)}.')
    return FACTORIES[name](settings, connect_to_kubernetes)


def check_target(name: str, settings: Settings, connect_to_kubernetes: KubernetesConnection) -> list[str]:
    """Check that the target can run jobs, and return a line for each fact.

    SetupError or PreflightError names what is missing. `local` is started with the run, and `session` is checked by
    the first request.
    """
    if name != "kubernetes":
        return []
    from infra.targets.kubernetes import kubernetes_target

    client, namespace = connect_to_kubernetes()
    return kubernetes_target(client, namespace, settings.kubernetes).check_ready()


def check_capacity(name: str, settings: Settings, rows: int, source: str) -> list[str]:
    """Check that the target is large enough for the rows of a source, and return a line for each resource.

    SetupError names what is missing. Clusters that someone else runs are not checked.
    """
    if name != "local":
        return [f"not checked: the machines of the target {name}"]
    from infra.targets.local import check_local_capacity

    return check_local_capacity(settings, rows, source)
