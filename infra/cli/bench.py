"""The command `bench`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

PARTS = ("throughput", "freshness", "recovery", "snapshot", "captured", "run")


def add_commands(commands: Any) -> None:
    """Add the command to the parser."""
    bench = commands.add_parser("bench", help="measure throughput, freshness and whole runs on local stacks of its own")
    bench.add_argument("--quick", action="store_true", help="small sizes: check every result, but compare no time")
    bench.add_argument("--part", action="append", choices=PARTS, help="measure only this part; can be repeated")
    bench.add_argument("--only", action="append", default=[], metavar="CONTESTANT", help="can be repeated")
    bench.add_argument("--run-rows", action="append", type=int, default=[], help="a further size of whole runs")
    bench.add_argument("--results", type=Path, help="results file; by default bench/results.json in the data directory")
    bench.set_defaults(run=_bench)


def _bench(options: argparse.Namespace) -> None:
    from infra.bench.main import Options, main

    parts = tuple(options.part or PARTS)
    main(Options(options.quick, parts, tuple(options.only), tuple(options.run_rows), options.results))
