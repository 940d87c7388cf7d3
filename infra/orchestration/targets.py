"""The targets by name, for tasks and triggers alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.errors import SettingsError

if TYPE_CHECKING:
    from infra.targets.base import Target


KUBERNETES_CONNECTION = "kubernetes_default"


def _local() -> Target:
    from infra.settings import load_settings
    from infra.targets.local import local_target  # here, since a DAG file must parse without any client

    return local_target(load_settings())


def _session() -> Target:
    from infra.settings import load_settings
    from infra.targets.session import session_target

    return session_target(load_settings())


def _kubernetes() -> Target:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

    from infra.settings import load_settings
    from infra.targets.kubernetes import KubernetesTarget
    from infra.targets.kubernetes.api import KubernetesApi

    # Inside a cluster the hook takes the pod's service account, outside of one the kubeconfig of the connection.
    hook = KubernetesHook(conn_id=KUBERNETES_CONNECTION)
    settings = load_settings().kubernetes
    settings = settings.model_copy(update={"namespace": hook.get_namespace() or settings.namespace})
    return KubernetesTarget(KubernetesApi(hook.get_conn(), settings.namespace), settings)


FACTORIES: dict[str, Callable[[], Target]] = {"local": _local, "session": _session, "kubernetes": _kubernetes}
TARGETS = tuple(FACTORIES)


def target_named(name: str) -> Target:
    """The target that a DAG run asks for; SettingsError names the ones there are."""
    if name not in FACTORIES:
        raise SettingsError(f"Unknown deployment target {name!r}. The available targets are: {', '.join(FACTORIES)}")
    return FACTORIES[name]()
