"""A PyFlink table environment in this process, with the connectors beside Flink's own jars."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyflink.table import TableEnvironment


def flink_environment(configuration: Mapping[str, str], parallelism: int = 1) -> TableEnvironment:
    """A fresh streaming environment; the JVM behind it is started once a process."""
    import pyflink
    from pyflink.table import EnvironmentSettings, TableEnvironment

    os.environ.setdefault("FLINK_HOME", str(Path(pyflink.__file__).parent))
    environment = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for option, value in {**configuration, "parallelism.default": str(parallelism)}.items():
        environment.get_config().set(option, value)
    return environment
