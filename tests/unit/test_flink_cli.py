"""The cause of a failed `flink run`, from real outputs that are shortened."""

from __future__ import annotations

from infra.flink.cli import SHOWN_LINES, submit_failure, without_frames

ABORTED = """\
org.apache.flink.client.program.ProgramAbortException: java.lang.RuntimeException: Python process exits with code: 1
\tat org.apache.flink.client.python.PythonDriver.main(PythonDriver.java:134)
Caused by: java.lang.RuntimeException: Python process exits with code: 1
\tat org.apache.flink.client.python.PythonDriver.main(PythonDriver.java:124)
\t... 14 more
"""
RAISED = """\
running 10_beats.sql
Traceback (most recent call last):
  File "/jobs/raises.py", line 4, in <module>
    raise RuntimeError("no luck today")
RuntimeError: no luck today
"""
JAVA_RAISED = """\
Traceback (most recent call last):
  File "/pyflink/util/exceptions.py", line 158, in deco
    raise java_exception
pyflink.util.exceptions.TableException: org.apache.flink.table.api.ValidationException: SQL validation failed
\tat org.apache.flink.table.planner.calcite.FlinkPlannerImpl.validate(FlinkPlannerImpl.scala:200)
Caused by: org.apache.calcite.sql.validate.SqlValidatorException: Column 'pulse' not found in any table
\tat java.base/jdk.internal.reflect.NativeConstructorAccessorImpl.newInstance0(Native Method)
\t... 6 more
"""
NO_CLUSTER = """\
 The program finished with the following exception:

org.apache.flink.client.program.ProgramInvocationException: The main method caused an error
\tat org.apache.flink.client.program.PackagedProgram.callMainMethod(PackagedProgram.java:372)
Caused by: java.net.ConnectException: Connection refused
"""


def test_cause_of_a_script_that_raised_is_its_exception() -> None:
    cause, lines = submit_failure(RAISED + ABORTED)

    assert cause == "RuntimeError: no luck today"
    assert lines.splitlines() == RAISED.splitlines()


def test_cause_of_an_invalid_statement_is_the_innermost_one() -> None:
    cause, lines = submit_failure(JAVA_RAISED + ABORTED)

    assert cause == "org.apache.calcite.sql.validate.SqlValidatorException: Column 'pulse' not found in any table"
    assert lines.splitlines()[-1] == f"Caused by: {cause}"
    assert "\tat " not in lines
    assert "ProgramAbortException" not in lines


def test_exception_during_the_handling_of_another_is_the_cause() -> None:
    again = "\nDuring handling of the above exception, another exception occurred:\n\n"

    cause, _ = submit_failure(JAVA_RAISED + again + RAISED + ABORTED)

    assert cause == "RuntimeError: no luck today"


def test_cause_of_several_lines_is_the_first_one() -> None:
    cause, lines = submit_failure(RAISED.replace("no luck today", "no luck\n  today") + ABORTED)

    assert cause == "RuntimeError: no luck"
    assert lines.endswith("RuntimeError: no luck\n  today")


def test_cause_of_a_failure_of_flink_itself_is_its_root_cause() -> None:
    assert submit_failure(NO_CLUSTER)[0] == "java.net.ConnectException: Connection refused"


def test_script_that_ended_without_output() -> None:
    assert submit_failure(ABORTED)[0] == "java.lang.RuntimeException: Python process exits with code: 1"
    assert submit_failure("") == ("unknown", "")


def test_only_the_last_lines_are_shown() -> None:
    numbers = "".join(f"line {number}\n" for number in range(99))

    assert submit_failure(numbers)[1].splitlines() == [f"line {number}" for number in range(99 - SHOWN_LINES, 99)]


def test_stack_trace_is_shown_without_its_frames() -> None:
    trace = "java.io.IOException: boom\n\tat a.B.c(B.java:1)\nCaused by: java.lang.Error: root\n\t... 16 more\n"

    assert without_frames(trace) == "java.io.IOException: boom\nCaused by: java.lang.Error: root"
