"""Find the Java that runs Flink and Kafka."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from infra.errors import SetupError
from infra.settings import java_home
from infra.versions import load_versions


@cache
def find_java() -> Path:
    """Return a `java` of a supported version, from JAVA_HOME, PATH or Debian's folder; SetupError if there is none."""
    tools = load_versions().tools
    supported = [str(version) for version in range(int(tools.java), int(tools.newest_java) + 1)]
    seen = []
    for java in _candidates(supported):
        version = _major_version(java)
        if version in supported:
            return java.resolve()
        seen.append(f"{java} is {version}")
    found = f" Found: {', '.join(seen)}." if seen else ""
    raise SetupError(
        f"Java {tools.java} to {tools.newest_java} is missing.{found} Set JAVA_HOME to one, or install it (Debian: "
        f"`sudo apt-get install -y openjdk-{tools.java}-jre-headless`, or openjdk-{tools.newest_java}-jre-headless)."
    )


def _candidates(supported: list[str]) -> list[Path]:
    home, on_path = java_home(), shutil.which("java")
    candidates = [home / "bin" / "java"] if home else []
    candidates += [Path(on_path)] if on_path else []
    for version in supported:
        candidates += sorted(Path("/usr/lib/jvm").glob(f"*{version}*/bin/java"))
    return [java for java in candidates if java.is_file()]


def _major_version(java: Path) -> str:
    """Return the major version, such as `17`; `unknown` if `java -version` does not print one."""
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    match = re.search(r'version "(\d+)', answer.stderr)
    return match[1] if match else "unknown"
