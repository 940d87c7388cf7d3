"""Root causes in stack traces, and a cluster that does not answer."""

from __future__ import annotations

import pytest

from infra.errors import UnreachableError
from infra.flink.rest import FlinkRest, root_cause

TRACE = """\
org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy
\tat org.apache.flink.runtime.executiongraph.ExecutionFailureHandler.handleFailure(ExecutionFailureHandler.java:216)
Caused by: java.lang.RuntimeException: One or more fetchers have encountered exception
\tat org.apache.flink.connector.base.source.reader.SourceReaderBase.pollNext(SourceReaderBase.java:157)
\t... 14 more
Caused by: org.apache.flink.util.FlinkRuntimeException: Access denied for user 'x'@'y'
\t... 6 more
"""


@pytest.mark.parametrize(
    ("trace", "cause"),
    [
        (TRACE, "org.apache.flink.util.FlinkRuntimeException: Access denied for user 'x'@'y'"),
        ("java.io.IOException: boom\n\tat a.b(C.java:1)\n", "java.io.IOException: boom"),
        ("\n\n  java.io.IOException: boom  \n", "java.io.IOException: boom"),
        ("", "unknown"),
        ("\n \n", "unknown"),
    ],
)
def test_root_cause_is_the_innermost_one(trace: str, cause: str) -> None:
    assert root_cause(trace) == cause


def test_unreachable_cluster_names_the_fix() -> None:
    with pytest.raises(UnreachableError) as caught:
        FlinkRest("http://127.0.0.1:1/").jobs()

    assert str(caught.value) == (
        "cannot reach Flink at http://127.0.0.1:1: [Errno 111] Connection refused. "
        "Check that it runs (`make status`) and that its address is correct."
    )
