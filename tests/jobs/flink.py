"""A PyFlink table environment in this process, with the connectors next to Flink's own jars."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from infra.stacks.local.flink import ensure_lib, flink_home

if TYPE_CHECKING:
    from pyflink.table import TableEnvironment


def flink_environment(configuration: Mapping[str, str], parallelism: int = 1) -> TableEnvironment:
    """Return a new streaming environment; all environments of a process share one JVM."""
    _point_to_lib()
    from pyflink.table import EnvironmentSettings, TableEnvironment

    environment = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for option, value in {**configuration, "parallelism.default": str(parallelism)}.items():
        environment.get_config().set(option, value)
    return environment


@cache
def _point_to_lib() -> None:
    """Set the class path in the environment, from which PyFlink reads it when it starts the JVM."""
    folder = Path(tempfile.mkdtemp(prefix="flink-lib-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ensure_lib(folder)
    os.environ["FLINK_HOME"] = str(flink_home())
    os.environ["FLINK_LIB_DIR"] = str(folder / "lib")
    # In-process, PyFlink starts a server for Python functions, which needs Beam. Our jobs have no Python functions.
    os.environ["_python_worker_execution_mode"] = "process"  # noqa: SIM112, the name is PyFlink's
