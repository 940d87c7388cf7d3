"""The job script that captures tables: it passes its arguments to the Java class `CaptureTables`, which has the job."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Define the job, and submit it."""
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.java_gateway import get_gateway

    arguments = dict(zip((flag.removeprefix("--") for flag in sys.argv[1::2]), sys.argv[2::2], strict=True))
    environment = StreamExecutionEnvironment.get_execution_environment()
    java = get_gateway().jvm
    options = java.java.util.HashMap()
    # Not an argument, which could not have the columns of hundreds of tables.
    tables = (Path(arguments["scripts"]) / "captured_tables.json").read_text(encoding="utf-8")
    for name, value in {**arguments, "mysql_tables": tables}.items():
        options.put(name, value)
    java.olympicstreaming.CaptureTables.define(environment._j_stream_execution_environment, options)
    environment.execute()


if __name__ == "__main__":
    main()
