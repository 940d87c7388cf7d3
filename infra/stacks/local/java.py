"""Finds the Java that Flink and Kafka run on."""

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
    """The `java` of the wanted version: of JAVA_HOME, of PATH, or where Debian puts it; SetupError when none is."""
    wanted = load_versions().tools.java
    seen = []
    for java in _candidates(wanted):
        version = _major_version(java)
        if version == wanted:
            return java.resolve()
        seen.append(f"{java} is {version}")
    found = f" Found: {', '.join(seen)}." if seen else ""
    raise SetupError(
        f"Java {wanted} is missing.{found} Let JAVA_HOME name one, or install it (Debian: "
        f"`sudo apt-get install -y openjdk-{wanted}-jre-headless`)."
    )


def _candidates(wanted: str) -> list[Path]:
    home, on_path = java_home(), shutil.which("java")
    candidates = [home / "bin" / "java"] if home else []
    candidates += [Path(on_path)] if on_path else []
    candidates += sorted(Path("/usr/lib/jvm").glob(f"*{wanted}*/bin/java"))
    return [java for java in candidates if java.is_file()]


def _major_version(java: Path) -> str:
    """Such as `17`; `unknown` when it does not say."""
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    match = re.search(r'version "(\d+)', answer.stderr)
    return match[1] if match else "unknown"
