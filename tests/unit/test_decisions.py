"""The records in docs/adr have the same form, and their index is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.settings import ROOT

FOLDER = ROOT / "docs" / "adr"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
FORM = re.compile(
    r"# (?P<number>\d+)\. (?P<title>[^\n]+)\n\n"
    r"- Status: (?P<status>accepted|superseded by \[\d{4}\]\(\d{4}-[a-z0-9-]+\.md\))\n"
    r"- Date: \d{4}-\d\d-\d\d\n\n"
    r"\*\*Context\.\*\* .+\*\*Decision\.\*\*.+"
    r"\n\nA change violates this when [^\n]+(?:\n[^\n]+)?\.\n",
    re.DOTALL,
)


def form(path: Path) -> re.Match[str]:
    found = FORM.fullmatch(path.read_text(encoding="utf-8"))
    assert found, f"{path.name} does not have the form that docs/adr/README.md describes"
    return found


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name[:4])
def test_record_has_the_form_and_a_file_name_made_of_number_and_title(path: Path) -> None:
    record = form(path)
    words = re.sub(r"[^a-z0-9]+", "-", record["title"].lower()).strip("-")

    assert path.name == f"{int(record['number']):04}-{words}.md"


def test_index_lists_every_record_with_its_title() -> None:
    rows = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE)

    assert rows == [(path.name[:4], path.name, form(path)["title"]) for path in RECORDS]
