"""Duplicate Check: the views `first_rows`, `first_rows_in_bursts` and `other_rows`.

Of the valid records, the last one of an id is its row, and one without a value deletes it. Of the rows with the same
name, the one with the lowest id counts; `other_rows` has the others, with its id as `kept_id`. The second view has the
same changes as the first, for aggregates.
"""

from pyflink.java_gateway import get_gateway
from pyflink.table import StreamTableEnvironment


def define(environment: StreamTableEnvironment) -> None:
    check = get_gateway().jvm.olympicstreaming.DuplicateCheck
    check.createViews(
        environment._j_tenv, "valid_records", "id", "name", "deleted", "first_rows", "other_rows", "kept_id"
    )
