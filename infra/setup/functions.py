"""The Java functions of the jobs, compiled once from `flink_jobs/shared/functions` into a jar of the shared cache.

The compiler is ecj, the one of Eclipse: it runs on the Java runtime that the platform already has, while javac is only
in a development kit. The jar's folder is named after its content, so a changed function is a new jar.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from infra.errors import SetupError
from infra.settings import ROOT, cache_dir
from infra.setup.flink import flink_home
from infra.setup.jars import Report, jars_of
from infra.setup.java import find_java
from infra.versions import load_versions

SOURCES = ROOT / "flink_jobs" / "shared" / "functions"
# The time in the jar, so that the same sources give the same jar.
_TIME = (1980, 1, 1, 0, 0, 0)


def functions_jar(sources: Path = SOURCES) -> Path:
    """Return the jar of these sources; SetupError if it is missing, because `make setup` has not been run."""
    jar = _jar_of(sources)
    if not jar.is_file():
        raise SetupError(f"functions: {jar} is missing. Run `make setup`.")
    return jar


def ensure_functions(report: Report, sources: Path = SOURCES) -> str:
    """Compile the sources if their jar is missing; return created or unchanged. SetupError shows their errors."""
    jar = _jar_of(sources)
    if jar.is_file():
        return "unchanged"
    report("functions: compiling ...")
    jar.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jar.parent, prefix=".incoming-") as scratch:
        classes = Path(scratch) / "classes"
        compile_java(sources, classes, jars_of("flink"))
        incoming = Path(scratch) / jar.name
        with zipfile.ZipFile(incoming, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(classes.rglob("*.class")):
                archive.writestr(zipfile.ZipInfo(str(path.relative_to(classes)), _TIME), path.read_bytes())
            for path in _resources(sources):
                archive.writestr(zipfile.ZipInfo(str(path.relative_to(sources)), _TIME), path.read_bytes())
        incoming.replace(jar)
    return "created"


def _jar_of(sources: Path) -> Path:
    """Return the path of the jar, which depends on the sources and on what they are compiled with."""
    versions = load_versions()
    digest = hashlib.sha256(f"{versions.flink.flink} {versions.tools.java} {versions.jars['compiler']}".encode())
    for path in [*sorted(sources.glob("*.java")), *_resources(sources)]:
        digest.update(f"\0{path.relative_to(sources)}\0".encode() + path.read_bytes())
    name = digest.hexdigest()[:16]
    return cache_dir() / "functions" / name / f"olympic-streaming-functions-{name}.jar"


def _resources(sources: Path) -> list[Path]:
    """Return the files by which Java finds the services of the jar, such as the factories of tables."""
    return sorted(path for path in sources.glob("META-INF/**/*") if path.is_file())


def compile_java(sources: Path, classes: Path, libraries: Sequence[Path] = ()) -> None:
    """Compile a folder of sources with Flink's jars and `libraries`; SetupError shows their errors."""
    [compiler] = jars_of("compiler")
    class_path = ":".join(str(jar) for jar in [*libraries, *sorted(flink_home().glob("lib/*.jar"))])
    options = [f"-{load_versions().tools.java}", "-proc:none", "-warn:none", "-encoding", "UTF-8"]
    paths = ["-d", str(classes), "-classpath", class_path, str(sources)]
    command = [str(find_java()), "-jar", str(compiler), *options, *paths]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SetupError(f"functions: the sources in {sources} cannot be compiled. Fix them:\n{answer.stderr.strip()}")
