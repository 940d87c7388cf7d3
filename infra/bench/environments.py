"""Python environments of the benchmark: one for each peer, because their requirements conflict with each other's.

They are in the cache that all checkouts share, in folders named after their requirements in infra/versions.toml.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from infra.errors import SetupError
from infra.settings import cache_dir
from infra.setup.maven import copy_jars
from infra.stacks.log_tail import log_tail
from infra.versions import load_versions

INSTALL_SECONDS = 900


def ensure_environment(name: str) -> Path:
    """Return the Python of an environment, installing it with uv if it is missing; SetupError if that fails."""
    versions = load_versions()
    requirements = versions.bench[name]
    digest = hashlib.sha256(f"{versions.tools.python} {requirements}".encode()).hexdigest()[:12]
    folder = cache_dir() / "bench" / f"{name}-{digest}"
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)  # an interrupted installation
    print(f"{name}: installing {', '.join(requirements)} ...", flush=True)
    _uv(name, "venv", "--quiet", "--python", versions.tools.python, str(folder))
    _uv(name, "pip", "install", "--quiet", "--python", str(python), *requirements)
    (folder / "complete").touch()
    return python


def ensure_spark_jars() -> list[Path]:
    """Return the jars that connect Spark with Kafka, downloading them with Maven if they are missing."""
    jar_set = load_versions().spark
    digest = hashlib.sha256(jar_set.model_dump_json().encode()).hexdigest()[:12]
    folder = cache_dir() / "bench" / f"spark-jars-{digest}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        copy_jars("spark", jar_set, folder, lambda line: print(line, flush=True))
        (folder / "complete").touch()
    return sorted(folder.glob("*.jar"))


def _uv(name: str, *arguments: str) -> None:
    program = Path(sys.prefix) / "uv" / "bin" / "uv"
    try:
        result = subprocess.run(
            [str(program), *arguments], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{name}: its environment cannot be installed: {error}. Run `make setup`.") from None
    if result.returncode:
        raise SetupError(
            f"{name}: its environment cannot be installed. The end of the output:\n{log_tail(result.stderr)}"
        )
