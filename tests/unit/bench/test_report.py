"""infra/bench/report.py: the table, and the section of the page between its markers."""

from __future__ import annotations

import pytest

from infra.bench.figures import Figure
from infra.bench.report import BEGIN, END, render_section, render_table, replace_section
from infra.errors import DefinitionError
from infra.settings import ROOT

FIGURES = [Figure("snapshot", "10 rows/s", "2x", ">= 1x", True), Figure("a | b", "no figure", "", ">= 3x", False)]


def test_table_has_aligned_columns() -> None:
    assert render_table(FIGURES) == (
        "figure    value      ratio  goal   reached\n"
        "snapshot  10 rows/s  2x     >= 1x  yes\n"
        "a | b     no figure         >= 3x  no"
    )


def test_section_has_introduction_table_and_images() -> None:
    assert render_section(FIGURES[:1], "Measured.", [("a plot", "images/a.png")]) == (
        "Measured.\n\n"
        "| figure | value | ratio | goal | reached |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| snapshot | 10 rows/s | 2x | >= 1x | yes |\n\n"
        "![a plot](images/a.png)"
    )


def test_bar_in_a_cell_does_not_end_it() -> None:
    assert "| a &#124; b |" in render_section(FIGURES, "", [])


def test_only_the_text_between_the_markers_is_replaced() -> None:
    page = f"# Title\n{BEGIN}\nold\n{END}\nafter\n"

    replaced = replace_section(page, "new")

    assert replaced == f"# Title\n{BEGIN}\nnew\n{END}\nafter\n"
    assert replace_section(replaced, "new") == replaced


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"])
def test_page_without_each_marker_once_is_rejected(page: str) -> None:
    with pytest.raises(DefinitionError, match="does not have the markers of the figures once"):
        replace_section(page, "new")


def test_page_of_the_documentation_has_the_markers() -> None:
    replace_section((ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8"), "new")
