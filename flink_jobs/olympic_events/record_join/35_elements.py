"""The view `elements`: `read_elements` as one stream, so that each list is parsed only once and not for each type."""

from pyflink.java_gateway import get_gateway
from pyflink.table import StreamTableEnvironment


def define(environment: StreamTableEnvironment) -> None:
    get_gateway().jvm.olympicstreaming.SharedView.create(environment._j_tenv, "read_elements", "elements")
