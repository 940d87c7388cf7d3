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

from infra.setup.flink import flink_home
from infra.stacks.local.flink import ensure_lib

if TYPE_CHECKING:
    from pyflink.table import StreamTableEnvironment


def flink_environment(configuration: Mapping[str, str], parallelism: int = 1) -> StreamTableEnvironment:
    """Return a new streaming environment; all environments of a process share one JVM."""
    _point_to_lib()
    from pyflink.common import Configuration
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.table import StreamTableEnvironment

    options = Configuration()
    for option, value in {**configuration, "parallelism.default": str(parallelism)}.items():
        options.set_string(option, value)
    return StreamTableEnvironment.create(StreamExecutionEnvironment.get_execution_environment(options))


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
