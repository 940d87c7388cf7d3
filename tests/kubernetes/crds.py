"""The custom resource definitions of the Flink operator, for installing and for validating.

Those of the operator in infra/versions.toml are in its own jars. `tests.kubernetes.cluster` reads those of another one
from its chart.
"""

from __future__ import annotations

import zipfile
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from infra.setup.jars import jars_of, lock_file

CRDS = ("flinkdeployments", "flinksessionjobs")
Definitions = list[dict[str, Any]]


def locked_crds() -> Definitions:
    """Return the definitions; SetupError if `python -m infra jars operator` has not been run."""
    [jar] = [jar for jar in jars_of("operator", lock_file("operator")) if "operator-api" in jar.name]
    with zipfile.ZipFile(jar) as archive:
        return [
            definition
            for name in CRDS
            for definition in parse_crds(archive.read(f"META-INF/fabric8/{name}.flink.apache.org-v1.yml").decode())
        ]


def parse_crds(text: str) -> Definitions:
    """Return the definitions in a YAML text."""
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def flink_versions(crds: Definitions) -> list[str]:
    """Return the names of Flink versions that these definitions accept, oldest first."""
    names: list[str] = _schema(crds)["properties"]["spec"]["properties"]["flinkVersion"]["enum"]
    return names


def violations(deployment: dict[str, Any], crds: Definitions) -> list[str]:
    """Return the errors of a FlinkDeployment, including unknown keys, which a cluster drops silently."""
    errors = Draft202012Validator(_schema(crds)).iter_errors(deployment)
    return sorted(f"{error.json_path}: {error.message}" for error in errors)


def _schema(crds: Definitions) -> dict[str, Any]:
    [definition] = [each for each in crds if each["spec"]["names"]["kind"] == "FlinkDeployment"]
    [version] = [version for version in definition["spec"]["versions"] if version["name"] == "v1beta1"]
    schema: dict[str, Any] = _closed(version["schema"]["openAPIV3Schema"])
    for key in ("apiVersion", "kind"):
        schema["properties"][key] = {"type": "string"}
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def _closed(node: Any) -> Any:
    """Return an OpenAPI schema as JSON schema: no other keys, and numbers or text if Kubernetes accepts both."""
    if not isinstance(node, dict):
        return [_closed(item) for item in node] if isinstance(node, list) else node
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    closed = {key: _closed(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict) and "type" in node and not node.get(_OPEN):
        closed["additionalProperties"] = False
    return closed


_OPEN = "x-kubernetes-preserve-unknown-fields"
