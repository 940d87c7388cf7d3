"""LEADERS on random changes: the three best rows after each, also if an id arrives under a new name too early."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from infra.setup.flink import flink_home
from infra.setup.functions import compile_java, functions_jar
from infra.setup.java import find_java

CHANGES, ROWS = 20_000, 120
Row = tuple[int, int, str]  # score, id, name


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    classes = tmp_path_factory.mktemp("leaders")
    compile_java(Path(__file__).parents[1] / "support" / "functions", classes, [functions_jar()])
    class_path = [str(classes), str(functions_jar()), f"{flink_home()}/lib/*"]
    return [str(find_java()), "-cp", ":".join(class_path), "olympicstreaming.LeaderChanges"]


@pytest.mark.parametrize("seed", range(3))
def test_leaders_after_each_change(command: list[str], seed: int) -> None:
    chance = random.Random(seed)
    rows: dict[str, Row] = {}
    lines, expected = [], []

    def change(sign: str, row: Row) -> None:
        lines.append(f"{sign} {row[0]} {row[1]} {row[2]}")
        if sign == "+":
            rows[row[2]] = row
        else:
            del rows[row[2]]
        best = sorted(rows.values(), key=lambda each: (-each[0], each[1]))[:3]
        expected.append("".join(f"{each[1]}," for each in best))

    while len(lines) < CHANGES:
        ids = {row[1] for row in rows.values()}
        # Ends of ranges, and many ties; long runs of removals empty the cache of the best.
        score = chance.choice([-(2**31), 2**31 - 1, *range(-3, 4)])
        if len(rows) < ROWS and chance.random() < 0.55:
            free = chance.choice([i for i in (1, 2**31 - 1, -(2**31), *range(2, 400)) if i not in ids])
            change("+", (score, free, f"n{len(lines)}"))
        elif rows and chance.random() < 0.3:
            old = chance.choice(list(rows.values()))
            change("+", (old[0], old[1], f"n{len(lines)}"))  # under its new name before it leaves the old one
            change("-", old)
        elif rows:
            for old in sorted(rows.values(), key=lambda each: (-each[0], each[1]))[: chance.choice([1, 1, 1, 40])]:
                change("-", old)
    answer = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True)

    assert answer.stdout.splitlines() == expected
