"""The known vulnerabilities of the pinned Python packages, as PyPI lists them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from infra.errors import SetupError
from infra.settings import ROOT
from infra.setup.tool import run_tool

REQUIREMENTS = ROOT / "requirements.txt"


@dataclass(frozen=True)
class Audit:
    """`packages` were audited, `unknown` could not be; `vulnerabilities` has a line for each that was found."""

    packages: int
    unknown: list[str]
    vulnerabilities: list[str]


def audit_packages() -> Audit:
    """Return what pip-audit finds about requirements.txt, which has every package with its version."""
    options = ("--requirement", str(REQUIREMENTS), "--no-deps", "--disable-pip", "--progress-spinner", "off")
    # It ends with 1 if it finds something.
    return read_audit(run_tool("pip-audit", "pip-audit", *options, "--format", "json", accepted=(0, 1)))


def read_audit(text: str) -> Audit:
    """Return the findings of pip-audit's JSON."""
    found = json.loads(text)["dependencies"]
    audited = [package for package in found if "vulns" in package]
    return Audit(
        len(audited),
        [package["name"] for package in found if "vulns" not in package],
        [
            f"{package['name']} {package['version']}: {finding['id']}, fixed in {_versions(finding['fix_versions'])}"
            for package in audited
            for finding in package["vulns"]
        ],
    )


def _versions(versions: list[str]) -> str:
    return " or ".join(versions) or "no release yet"


def report_audit(audit: Audit, required: bool) -> str:
    """Return the line of a clean audit; SetupError lists the vulnerabilities, or says that nothing could be audited.

    Where PyPI's advisories cannot be read, such as behind a mirror, the audit fails only if it is `required`.
    """
    if audit.vulnerabilities:
        raise SetupError(
            f"audit: {len(audit.vulnerabilities)} known vulnerabilities in requirements.txt. Raise the versions with "
            "`make lock LOCK_ARGS=--upgrade`, then run the tests:\n  " + "\n  ".join(audit.vulnerabilities)
        )
    if audit.unknown:
        problem = (
            f"audit: NOT DONE for {len(audit.unknown)} of {len(audit.unknown) + audit.packages} packages, because "
            "PyPI does not answer for them. Run `make audit` where https://pypi.org/pypi/<package>/json can be read."
        )
        if required:
            raise SetupError(problem)
        return problem
    return f"audit: {audit.packages} packages, no known vulnerability"
