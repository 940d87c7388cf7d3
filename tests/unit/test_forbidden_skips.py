"""The switch of CI: a test that is skipped fails, so that a green run has run every tier that was asked for."""

from __future__ import annotations

import pytest

from tests.support import skips

pytest_plugins = ["pytester"]
TESTS = """
import pytest

@pytest.fixture
def cluster():
    pytest.skip("the tier needs a cluster")

def test_of_the_cluster(cluster): ...

@pytest.mark.skip(reason="not here")
def test_marked(): ...

def test_passing(): ...

@pytest.mark.xfail(reason="known")
def test_expected_to_fail(): assert False
"""


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Return the outcome of the tests in this process, with the option of this repository."""
    pytester.makepyfile(TESTS)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *options, plugins=[skips])


def test_skip_is_a_failure_if_it_is_forbidden(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--forbid-skips")

    result.assert_outcomes(passed=1, errors=2, xfailed=1)
    result.stdout.fnmatch_lines_random([
        "*test_of_the_cluster: Skipped: the tier needs a cluster. Expected no skip (--forbid-skips). *",
        "*test_marked: Skipped: not here. Expected no skip (--forbid-skips). Install what is missing.",
    ])  # fmt: skip


def test_skip_is_allowed_without_the_switch(pytester: pytest.Pytester) -> None:
    run(pytester).assert_outcomes(passed=1, skipped=2, xfailed=1)
