"""The table of the figures for people, as text and as a section of a Markdown page; pure."""

from __future__ import annotations

from collections.abc import Sequence

from infra.bench.figures import Figure
from infra.errors import DefinitionError

BEGIN = "<!-- figures: `make bench` writes this section; do not edit it -->"
END = "<!-- end of the figures -->"
HEADER = ("figure", "value", "ratio", "goal", "reached")


def render_table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table of aligned columns."""
    rows = [HEADER, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def render_section(figures: Sequence[Figure], intro: str, images: Sequence[tuple[str, str]]) -> str:
    """Return the figures as Markdown, with an introduction above, and images as (text, path) below."""
    lines = [intro, "", *(_markdown(row) for row in (HEADER, tuple("---" for _ in HEADER)))]
    lines += [_markdown(_cells(figure)) for figure in figures]
    for text, path in images:
        lines += ["", f"![{text}]({path})"]
    return "\n".join(lines)


def replace_section(page: str, section: str) -> str:
    """Return a page with the text between its markers replaced; DefinitionError if it does not have each once."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in before + after:
        raise DefinitionError(
            f"the page does not have the markers of the figures once, in their order. Expected {BEGIN!r} and {END!r}. "
            "Restore them."
        )
    return f"{before}{BEGIN}\n{section}\n{END}{after}"


def _cells(figure: Figure) -> tuple[str, ...]:
    verdict = {None: "", True: "yes", False: "no"}[figure.reached]
    return figure.name, figure.value, figure.ratio, figure.goal, verdict


def _markdown(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
