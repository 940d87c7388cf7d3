"""What pip-audit found, as a report."""

from __future__ import annotations

import json
import re

import pytest

from infra.errors import SetupError
from infra.setup.audit import Audit, read_audit, report_audit

CLEAN = {"name": "attrs", "version": "26.1.0", "vulns": []}
WEAK = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [
        {"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": [], "description": "..."},
        {"id": "PYSEC-2021-66", "fix_versions": [], "aliases": [], "description": "..."},
    ],
}
SKIPPED = {"name": "flink", "skip_reason": "Dependency not found on PyPI and could not be audited: flink (1.20.5)"}


def audit(*dependencies: object) -> Audit:
    return read_audit(json.dumps({"dependencies": dependencies, "fixes": []}))


def test_packages_without_a_known_vulnerability_pass() -> None:
    assert report_audit(audit(CLEAN, CLEAN), required=True) == "audit: 2 packages, no known vulnerability"


def test_vulnerabilities_fail_and_are_listed_with_their_fix() -> None:
    with pytest.raises(SetupError) as error:
        report_audit(audit(CLEAN, WEAK, SKIPPED), required=False)

    summary, *findings = str(error.value).splitlines()
    assert summary.startswith("audit: 2 known vulnerabilities in requirements.txt. Raise the versions with `make lock")
    assert findings == [
        "  jinja2 2.4.1: PYSEC-2019-217, fixed in 2.10.1",
        "  jinja2 2.4.1: PYSEC-2021-66, fixed in no release yet",
    ]


def test_audit_that_was_not_done_is_never_called_clean() -> None:
    problem = "audit: NOT DONE for 1 of 2 packages, because PyPI does not answer for them."

    assert report_audit(audit(CLEAN, SKIPPED), required=False).startswith(problem)
    with pytest.raises(SetupError, match=re.escape(problem)):
        report_audit(audit(CLEAN, SKIPPED), required=True)
