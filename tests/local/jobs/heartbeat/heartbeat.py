"""Counts made-up beats: the smallest job that has state."""

from pyflink.table import EnvironmentSettings, TableEnvironment
from statements import run_statements

if __name__ == "__main__":
    run_statements(TableEnvironment.create(EnvironmentSettings.in_streaming_mode()))
