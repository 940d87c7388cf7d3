"""Keeps the statistics up to date: duplicate check, averages and leaders by nationality, best group, top three."""

from pyflink.table import EnvironmentSettings, TableEnvironment
from statements import run_statements

if __name__ == "__main__":
    run_statements(TableEnvironment.create(EnvironmentSettings.in_streaming_mode()))
