"""The view `validated_records`: `read_records` as one stream, so that each record is read and parsed only once."""

from pyflink.java_gateway import get_gateway
from pyflink.table import StreamTableEnvironment


def define(environment: StreamTableEnvironment) -> None:
    get_gateway().jvm.olympicstreaming.SharedView.create(environment._j_tenv, "read_records", "validated_records")
