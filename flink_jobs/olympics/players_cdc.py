"""Publishes the table `players` as a changelog: MySQL binlog to a compacted topic, one record for each changed row."""

from pyflink.table import EnvironmentSettings, TableEnvironment
from statements import run_statements

if __name__ == "__main__":
    run_statements(TableEnvironment.create(EnvironmentSettings.in_streaming_mode()), secrets=("mysql_password",))
