"""infra/bench/memory.py: Python processes of a family, and the other programs that it started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from infra.bench import memory
from infra.waiting import wait_until

# Starts a Python child, and a shell that starts another Python process: only the first is part of the family.
PROGRAM = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()  # own"], stdin=subprocess.PIPE)
shell = subprocess.Popen(["bash", "-c", f"{sys.executable} -c 'input()  # client'; true"], stdin=subprocess.PIPE)
input()  # root of the family
"""


@contextmanager
def family() -> Iterator[psutil.Process]:
    """Yield the root, whose descendants end when their input does."""
    with ExitStack() as stack:
        root = stack.enter_context(subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE))
        process = psutil.Process(root.pid)
        try:
            wait_until(lambda: len(process.children(recursive=True)) == 3, "three descendants", 30, 0.05)
            yield process
        finally:
            for each in [*process.children(recursive=True), process]:
                each.kill()


def test_python_children_are_split_from_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "FORKED_SECONDS", 0)
    with family() as root:
        wait_until(lambda: all("python" in each.exe() or "bash" in each.exe() for each in root.children()), "exec", 30)

        own, others = memory.split_family(root)

        assert [each.pid for each in own[:1]] == [root.pid]
        assert [each.cmdline()[-1] for each in own[1:]] == ["input()  # own"]
        assert [each.cmdline()[-1] for each in others[1:]] == ["input()  # client"]


def test_child_that_was_just_forked_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "FORKED_SECONDS", 60)
    with family() as root:
        assert memory.split_family(root) == ([root], [])


def test_descendant_has_all_words() -> None:
    with family():
        assert memory.descendant_of(os.getpid(), "no such word") is None
        found = memory.descendant_of(os.getpid(), "-c", "input()  # own")

        assert found is not None
