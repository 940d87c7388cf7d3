"""Jars by their coordinates, through Maven with the repositories and mirrors of its user."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

from infra.errors import SetupError
from infra.versions import JarSet, load_versions

_PROGRESS_INTERVAL = 10  # downloaded jars between two lines of progress
_MISSING = re.compile(r"Could not find artifact (\S+?:\S+?):jar:(\S+)")


def render_pom(name: str, jar_set: JarSet) -> str:
    """Return a Maven project whose runtime dependencies are the set."""
    dependencies = "".join(_dependency(coordinate, version) for coordinate, version in jar_set.coordinates.items())
    return (
        "<project>\n"
        "<modelVersion>4.0.0</modelVersion>\n"
        f"<groupId>olympic-streaming</groupId><artifactId>{escape(name)}</artifactId>"
        "<version>1</version><packaging>pom</packaging>\n"
        f"<dependencies>\n{dependencies}</dependencies>\n</project>\n"
    )


def _dependency(coordinate: str, version: str) -> str:
    group, artifact = (escape(part) for part in coordinate.split(":"))
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{escape(version)}</version></dependency>\n"
    )


def copy_jars(name: str, jar_set: JarSet, folder: Path, report: Callable[[str], None]) -> None:
    """Copy the jars of a set into `folder` with Maven; SetupError names a coordinate that Maven cannot find."""
    maven = shutil.which("mvn")
    if maven is None:
        raise SetupError(
            "jars: Maven (mvn) is missing, which downloads them once. Install it: `sudo apt-get install -y maven`."
        )
    with tempfile.TemporaryDirectory(prefix="pom-") as scratch:
        pom = Path(scratch) / "pom.xml"
        pom.write_text(render_pom(name, jar_set), encoding="utf-8")
        report(f"jars: set {name}: Maven resolves {len(jar_set.coordinates)} coordinates ...")
        _run([maven, "--batch-mode", "--file", str(pom), *_goal(jar_set, folder)], name, report)
    report(f"jars: set {name}: {len(list(folder.glob('*.jar')))} jars")


def _goal(jar_set: JarSet, folder: Path) -> list[str]:
    plugin = f"org.apache.maven.plugins:maven-dependency-plugin:{load_versions().tools.maven_dependency_plugin}"
    goal = [f"{plugin}:copy-dependencies", f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    if jar_set.transitive != ["*"]:
        own = [coordinate.split(":")[1] for coordinate in jar_set.coordinates]
        goal.append(f"-DincludeArtifactIds={','.join([*own, *jar_set.transitive])}")
    return goal


def _run(command: list[str], name: str, report: Callable[[str], None]) -> None:
    """Run Maven, and report its downloads as progress, which can take minutes; SetupError if it fails."""
    lines: list[str] = []
    downloaded = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None  # noqa: S101, stdout is a pipe
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith("[INFO] Downloaded") and ".jar" in line:
                downloaded += 1
                if downloaded % _PROGRESS_INTERVAL == 0:
                    report(f"jars: set {name}: {downloaded} files downloaded ...")
    if process.returncode:
        raise SetupError(_explain(name, lines))


def _explain(name: str, lines: list[str]) -> str:
    text = "\n".join(lines)
    missing = _MISSING.search(text)
    if missing:
        return (
            f"jars: Maven cannot find {missing[1]} in version {missing[2]} (set {name} in infra/versions.toml). "
            "Fix the version there and run `make lock`, or add a repository that has it to Maven's settings.xml."
        )
    errors = [line for line in lines if line.startswith("[ERROR]")] or lines
    return f"jars: Maven failed for set {name}. Fix these errors and try again:\n" + "\n".join(errors[:10])
