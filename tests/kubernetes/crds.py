"""The custom resource definitions of the Flink operator, from its own jars, for installing and for validating."""

from __future__ import annotations

import zipfile
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from infra.setup.jars import jars_of, lock_file

CRDS = ("flinkdeployments", "flinksessionjobs")


def operator_crds() -> list[str]:
    """Return the definitions as YAML; SetupError if `python -m infra jars operator` has not been run."""
    [jar] = [jar for jar in jars_of("operator", lock_file("operator")) if "operator-api" in jar.name]
    with zipfile.ZipFile(jar) as archive:
        return [archive.read(f"META-INF/fabric8/{name}.flink.apache.org-v1.yml").decode() for name in CRDS]


def violations(deployment: dict[str, Any]) -> list[str]:
    """Return the errors of a FlinkDeployment, including unknown keys, which a cluster drops silently."""
    errors = Draft202012Validator(_schema()).iter_errors(deployment)
    return sorted(f"{error.json_path}: {error.message}" for error in errors)


@cache
def _schema() -> dict[str, Any]:
    definition = yaml.load(operator_crds()[0], Loader=yaml.CSafeLoader)
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
