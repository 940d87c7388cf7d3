"""The calls of the Kubernetes API that the target uses, and the translation of its errors into those of the platform.

`kubernetes.dynamic` does not fit: it discovers the whole API before the first call, and hides the Date header of a
response, which is the clock that the ages of objects are measured with.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from kubernetes.client import ApiClient, ApiException
from urllib3.exceptions import HTTPError

from infra.errors import AccessDeniedError, PlatformError, SetupError, TerminalError, UnreachableError

FIELD_MANAGER = "olympic-streaming"
TIMEOUT_SECONDS = 30
Manifest = dict[str, Any]
Manifests = list[Manifest]

GROUP = "/apis/flink.apache.org/v1beta1"

# The path of each kind's collection.
_PATHS = {
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "Pod": "/api/v1/namespaces/{namespace}/pods",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "Event": "/api/v1/namespaces/{namespace}/events",
    "FlinkDeployment": f"{GROUP}/namespaces/{{namespace}}/flinkdeployments",
    "FlinkStateSnapshot": f"{GROUP}/namespaces/{{namespace}}/flinkstatesnapshots",
}


class KubernetesApi:
    """The objects in one namespace of one cluster.

    Every method raises AccessDeniedError, SetupError, UnreachableError or TerminalError for an error of the API.
    """

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self._client = client
        self.namespace = namespace
        self.now = datetime.now(UTC)
        """The cluster's time at its last response; the clock of this machine may differ."""

    def get(self, kind: str, name: str) -> Manifest | None:
        """Return the object; None if it does not exist."""
        return self._call("GET", f"{self._path(kind)}/{name}", missing_ok=True)

    def flink_kinds(self) -> set[str]:
        """Return the kinds of custom resources of the Flink operator that the cluster has."""
        found = self._call("GET", GROUP)
        return {resource["kind"] for resource in (found or {}).get("resources", [])}

    def flink_schema(self, kind: str) -> Manifest:
        """Return the published OpenAPI schema of a custom resource of the Flink operator; empty if it has none."""
        found = self._call("GET", f"/openapi/v3{GROUP}") or {}
        schemas: Manifest = found.get("components", {}).get("schemas", {})
        return next((schema for name, schema in schemas.items() if name.endswith(f".{kind}")), {})

    def in_namespace(self, namespace: str) -> KubernetesApi:
        """Return the same cluster's objects in another namespace."""
        return KubernetesApi(self._client, namespace)

    def list_everywhere(self, kind: str) -> Manifests:
        """Return the objects of all namespaces; AccessDeniedError for an account of one namespace."""
        found = self._call("GET", _PATHS[kind].replace("/namespaces/{namespace}", ""))
        items: Manifests = (found or {}).get("items", [])
        return items

    def list(self, kind: str, selector: str = "") -> Manifests:
        """Return the objects that match a label selector."""
        found = self._call("GET", self._path(kind), query={"labelSelector": selector})
        items: Manifests = (found or {}).get("items", [])
        return items

    def events(self, reason: str) -> Manifests:
        """Return the events with this reason."""
        found = self._call("GET", self._path("Event"), query={"fieldSelector": f"reason={reason}"})
        items: Manifests = (found or {}).get("items", [])
        return items

    def apply(self, manifest: Manifest) -> Manifest:
        """Create the object, or change the fields that are ours, with server-side apply; return the result."""
        path = f"{self._path(manifest['kind'])}/{manifest['metadata']['name']}"
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return self._call("PATCH", path, query=query, body=manifest, content="application/apply-patch+yaml") or {}

    def patch(self, kind: str, name: str, change: Manifest, missing_ok: bool = False) -> None:
        """Apply a merge patch to an existing object."""
        path, query = f"{self._path(kind)}/{name}", {"fieldManager": FIELD_MANAGER}
        content = "application/merge-patch+json"
        self._call("PATCH", path, missing_ok=missing_ok, query=query, body=change, content=content)

    def delete(self, kind: str, name: str) -> None:
        """Delete the object; do nothing if it does not exist."""
        self._call("DELETE", f"{self._path(kind)}/{name}", missing_ok=True)

    def log(
        self, pod: str, container: str, lines: int, previous: bool = False, since_seconds: int | None = None
    ) -> str:
        """Return the last `lines` lines of a container's log; empty if it has none."""
        query = {"container": container, "tailLines": str(lines), "previous": str(previous).lower()}
        query |= {"sinceSeconds": str(since_seconds)} if since_seconds else {}
        return self._text("GET", f"{self._path('Pod')}/{pod}/log", query, empty_for=(400, 404)) or ""

    def service(self, name: str, port: int, path: str) -> Manifest | None:
        """Return the JSON of a GET to a service through the API server's proxy; None for status 404."""
        proxy = f"/api/v1/namespaces/{self.namespace}/services/{name}:{port}/proxy{path}"
        return self._call("GET", proxy, missing_ok=True)

    def _path(self, kind: str) -> str:
        return _PATHS[kind].format(namespace=self.namespace)

    def _call(self, method: str, path: str, *, missing_ok: bool = False, **options: Any) -> Manifest | None:
        text = self._text(method, path, empty_for=(404,) if missing_ok else (), **options)
        return None if text is None else json.loads(text)

    def _text(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Manifest | None = None,
        content: str = "application/json",
        empty_for: tuple[int, ...] = (),
    ) -> str | None:
        try:
            response = self._client.call_api(
                path,
                method,
                query_params=list((query or {}).items()),
                header_params={"Accept": "application/json", "Content-Type": content},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=TIMEOUT_SECONDS,
            )
        except ApiException as error:
            if error.status in empty_for and not _is_unknown_kind(error):
                return None
            raise self._translated(error, method, path) from error
        except HTTPError as error:
            raise UnreachableError(
                f"cannot reach Kubernetes at {self._client.configuration.host}: {error}. "
                "Check that the cluster runs and that the connection names it."
            ) from error
        if "Date" in response.headers:
            self.now = parsedate_to_datetime(response.headers["Date"])
        return str(response.data.decode())

    def _translated(self, error: ApiException, method: str, path: str) -> PlatformError:
        reason = _message(error)
        if error.status in (401, 403):
            return AccessDeniedError(
                f"Kubernetes does not allow {method} {path}: {reason.rstrip('.')}. "
                "Expected the privileges of the chart's Role for Airflow. Give Airflow the account that has it."
            )
        if error.status == 404 and _is_unknown_kind(error):
            return SetupError(
                "the cluster does not have the custom resource FlinkDeployment. "
                "Install the Flink Kubernetes Operator with its CRDs."
            )
        if error.status in (409, 429) or (error.status or 0) >= 500:
            return UnreachableError(f"Kubernetes returned {error.status} for {method} {path}: {reason}")
        return TerminalError(f"Kubernetes returned {error.status} for {method} {path}: {reason}")


def _message(error: ApiException) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)


def _is_unknown_kind(error: ApiException) -> bool:
    """Return whether a 404 means an unknown kind, which the API reports as plain text; a missing object is a Status."""
    return "page not found" in str(error.body)
