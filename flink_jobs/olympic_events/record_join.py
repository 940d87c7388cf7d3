"""Joins the feed's names, scores and nationalities by athlete: one entry for each whose three values are known."""

from pyflink.table import EnvironmentSettings, TableEnvironment
from statements import run_statements

if __name__ == "__main__":
    run_statements(TableEnvironment.create(EnvironmentSettings.in_streaming_mode()))
