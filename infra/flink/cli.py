"""What `flink run` prints when it fails, read for a person."""

from __future__ import annotations

from infra.flink.rest import root_cause

SHOWN_LINES = 20
_TRACEBACK = "Traceback (most recent call last):"
# With it begins what Flink's own Java says about a script that ended early: nothing of use.
_AFTERMATH = "org.apache.flink.client.program.ProgramAbortException"


def submit_failure(output: str) -> tuple[str, str]:
    """The cause in one line, and the last lines that led to it.

    The cause of a script that raised is the innermost one of its exception; else that of the whole output.
    """
    said = output.partition(f"\n{_AFTERMATH}")[0] if _TRACEBACK in output else output
    lines = [line for line in said.splitlines() if line.strip() and not _is_frame(line)]
    return root_cause(_exception(said)), "\n".join(lines[-SHOWN_LINES:])


def _exception(said: str) -> str:
    """The exception and all that follows it, without the Python frames before it."""
    last = said.rpartition(_TRACEBACK)[2].lstrip("\n").splitlines()
    begin = next((number for number, line in enumerate(last) if line[:1].strip()), 0)
    return "\n".join(last[begin:])


def _is_frame(line: str) -> bool:
    """Whether a line is one of a Java stack."""
    return line.lstrip().startswith(("at ", "... "))
