"""The software bill of materials, in CycloneDX's JSON: every Python package and every jar that set-up installs."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

from infra.settings import ROOT
from infra.setup.jars import jars_root, lock_file, lock_names, read_lock
from infra.setup.tool import run_tool
from infra.versions import load_versions

FILE = "sbom.cdx.json"
# An artifact can contain numbers, as `kafka_2.13` and `flink-shaded-asm-9` do; a version has a point.
_FILE_NAME = re.compile(r"(.+?)-(\d+\..+)")


def write_sbom(folder: Path) -> tuple[Path, int]:
    """Write the bill to a folder; return its path and the number of components.

    The locked jars must have been downloaded, because their Maven coordinates are inside.
    """
    options = ("--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--of", "JSON")
    bill = json.loads(
        run_tool("cyclonedx-bom", "cyclonedx-py", "requirements", str(ROOT / "requirements.txt"), *options)
    )
    bill["components"] += jar_components(lock_names())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    path.write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")
    return path, len(bill["components"])


def jar_components(locks: list[str]) -> list[dict[str, Any]]:
    """Return a component for each jar of the lock files, with its checksum and the services that it belongs to."""
    found: dict[str, dict[str, Any]] = {}
    for name in locks:
        lock = lock_file(name)
        for jar in read_lock(lock):
            component = found.setdefault(jar.sha256, _component(jars_root(lock) / jar.jar_set / jar.file, jar.sha256))
            component["properties"].append({"name": "olympic-streaming:set", "value": jar.jar_set})
    return list(found.values())


def _component(jar: Path, sha256: str) -> dict[str, Any]:
    group, artifact, version = coordinates(jar)
    identity = {"group": group, "purl": f"pkg:maven/{group}/{artifact}@{version}?type=jar"} if group else {}
    return {
        "type": "library",
        "bom-ref": f"{jar.name}-{sha256[:12]}",
        "name": artifact,
        "version": version,
        **identity,
        "hashes": [{"alg": "SHA-256", "content": sha256}],
        "properties": [],
    }


def coordinates(jar: Path) -> tuple[str, str, str]:
    """Return group, artifact and version of a jar; the group is empty if the jar does not have its Maven metadata.

    A jar that contains others has the metadata of all; its own is that whose artifact and version are its file name.
    """
    with zipfile.ZipFile(jar) as archive:
        for name in archive.namelist():
            if name.startswith("META-INF/maven/") and name.endswith("/pom.properties"):
                lines = archive.read(name).decode("utf-8").splitlines()
                found = dict(line.split("=", 1) for line in lines if "=" in line)
                if jar.name == f"{found['artifactId']}-{found['version']}.jar":
                    return found["groupId"], found["artifactId"], found["version"]
    parts = _FILE_NAME.fullmatch(jar.stem)
    artifact, version = parts.groups() if parts else (jar.stem, "unknown")
    for coordinate in _stated():
        if coordinate.endswith(f":{artifact}"):
            return coordinate.split(":")[0], artifact, version
    return "", artifact, version


def _stated() -> list[str]:
    """Return the coordinates `group:artifact` that versions.toml states."""
    return [coordinate for jars in load_versions().jars.values() for coordinate in jars.coordinates]
