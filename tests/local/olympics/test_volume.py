"""A file of 200,000 rows with the same command, compared with the model row by row."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from tests.local.olympics.conftest import Deployment
from tests.support.olympics_model import Row

ROWS, NAMES = 200_000, 100_000
DECORATIONS = [
    "{}",
    "{} ",
    " {}",
    "{}é",
    "Ünï {}",
    'Quote "{}"',
    "Comma, {}",
    "back\\slash {}",
    "😀 {}",
    "new\nline {}",
]


def large_rows(seed: int) -> list[Row]:
    """Return rows with names that differ only in case or a trailing space, many ties, and every name about twice."""
    chooser = random.Random(seed)
    names = []
    for number in range(NAMES // 2):
        name = DECORATIONS[number % len(DECORATIONS)].format(f"Athlete {number // 10}")
        names += [name, name.upper() if name != name.upper() else name.lower()]
    nations = [f"Nation {number}" for number in range(150)]
    nations += ["nation 1", "Nation 1 ", "Österreich", "日本", "Côte d'Ivoire"]
    drawn = names + chooser.choices(names, k=ROWS - len(names))
    chooser.shuffle(drawn)
    chosen = enumerate(drawn, start=1)
    return [Row(number, name, chooser.choice(nations), chooser.randint(-5, 30)) for number, name in chosen]


def test_outputs_of_200_000_rows_equal_the_model(deployment: Deployment, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rows = large_rows(seed)
    assert len({row.name for row in rows}) == NAMES
    path = tmp_path / "large.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "nationality", "score"])
        writer.writerows(row[1:] for row in rows)
    deployment.run("--data", str(path))
    assert sorted(deployment.rows()) == rows
    deployment.assert_agrees_with_model()
