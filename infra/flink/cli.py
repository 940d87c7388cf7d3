"""The cause of a failed `flink run`, read from its output."""

from __future__ import annotations

from infra.flink.rest import root_cause

SHOWN_LINES = 20
TRACEBACK = "Traceback (most recent call last):"
# Flink's report about a script that ended early starts with this line and does not help anyone.
_AFTERMATH = "org.apache.flink.client.program.ProgramAbortException"


def submit_failure(output: str) -> tuple[str, str]:
    """Return the cause in one line, and the last SHOWN_LINES lines of `output` without stack frames.

    The cause is the innermost one of the script's exception, or of the whole output if the script did not raise.
    """
    relevant = output.partition(f"\n{_AFTERMATH}")[0] if TRACEBACK in output else output
    return root_cause(_exception(relevant)), without_frames(relevant)


def without_frames(text: str) -> str:
    """Return the last SHOWN_LINES lines of an output or a stack trace that are not stack frames."""
    lines = [line for line in text.splitlines() if line.strip() and not _is_frame(line)]
    return "\n".join(lines[-SHOWN_LINES:])


def _exception(output: str) -> str:
    """Return the last exception and everything after it, without the Python frames before it."""
    last = output.rpartition(TRACEBACK)[2].lstrip("\n").splitlines()
    begin = next((number for number, line in enumerate(last) if line[:1].strip()), 0)
    return "\n".join(last[begin:])


def _is_frame(line: str) -> bool:
    """Return whether a line is a frame of a Java stack trace."""
    return line.lstrip().startswith(("at ", "... "))
