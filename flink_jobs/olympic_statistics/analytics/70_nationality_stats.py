"""The views `nationality_stats`, `best_nationality` and `top_athletes`, which share the stream of `nationalities`.

Ties are ordered by nationality, and by id. The three best athletes of all are among the three best of each nationality.
"""

from pyflink.java_gateway import get_gateway
from pyflink.table import StreamTableEnvironment


def define(environment: StreamTableEnvironment) -> None:
    java, tables = get_gateway().jvm.olympicstreaming, environment._j_tenv
    changes = java.SharedView.createOfChanges(tables, "nationalities", "nationality_stats", "nationality")
    columns, order = "average_score, top_athlete, top_score", "average_score DESC, nationality"
    java.TopN.createView(tables, changes, "nationality", columns, order, 1, "position", "best_nationality")
    order = "score DESC, id"
    java.TopN.createViewOfElements(tables, changes, "nationality", "leaders", order, 3, "rank", "top_athletes")
