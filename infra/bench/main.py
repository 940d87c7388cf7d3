"""`make bench`: measure everything on local stacks of its own, verify every result, and report the figures.

Absolute figures depend on the machine; the goals are ratios within one run. Run it on an idle machine: it takes about
an hour. `make bench-quick` runs small sizes of everything in minutes, and fails only if a result is wrong.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from infra.bench.captured import measure_captured
from infra.bench.contestants import contestants
from infra.bench.environments import ensure_environment
from infra.bench.figures import Figure, figures_of
from infra.bench.freshness import measure_freshness
from infra.bench.load import LoadedTable
from infra.bench.recovery import measure_recovery
from infra.bench.report import render_section, render_table, replace_section
from infra.bench.results import Results, new_results, write_results
from infra.bench.sizes import QUICK, WHOLE, Sizes
from infra.bench.snapshot import measure_snapshot
from infra.bench.stack import measured_pipeline, private_stack, say
from infra.bench.throughput import measure_throughput, too_slow
from infra.bench.whole_run import measure_whole_run
from infra.errors import CheckFailedError, DefinitionError, PlatformError, SetupError
from infra.settings import ROOT, Settings, inherited_environment, load_settings
from infra.stacks.data_directory import ensure_data_dir
from infra.stacks.log_tail import log_tail

PARTS = ("throughput", "freshness", "recovery", "snapshot", "captured", "run")
PAGE = ROOT / "docs" / "benchmarks.md"
IMAGES = {
    "throughput.png": "Records per second of each contestant",
    "growth.png": "Time and memory of a whole run by its number of rows",
    "freshness.png": "Freshness at low load and under load",
}


@dataclass(frozen=True)
class Options:
    """What to measure: the parts, the contestants (all if empty), and further sizes of whole runs."""

    quick: bool = False
    parts: Sequence[str] = PARTS
    only: Sequence[str] = ()
    run_rows: Sequence[int] = ()
    results: Path | None = None

    @property
    def sizes(self) -> Sizes:
        """The sizes of all parts."""
        sizes = QUICK if self.quick else WHOLE
        return replace(sizes, run_rows=(*sizes.run_rows, *self.run_rows))

    @property
    def is_complete(self) -> bool:
        """Whether the figures are those of the documentation: whole sizes of all parts and contestants."""
        return not self.quick and not self.only and set(self.parts) == set(PARTS)


def main(options: Options) -> None:
    """Measure, and print the table; CheckFailedError at the end if a result was wrong or a part has failed."""
    _check_names(options)
    results, path = new_results(options.quick), options.results or _default_path()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        _Benchmark(options, results, Path(folder), path).run()
    figures = figures_of(results)
    write_results(results, [asdict(figure) for figure in figures], path)
    images = write_plots(path, PAGE.parent / "images" if options.is_complete else path.parent / "images")
    if options.is_complete:
        write_page(results, figures, images)
    print(f"\n{render_table(figures)}\n\nThe results file is {path}.", flush=True)
    problems = _problems(results)
    if problems:
        raise CheckFailedError("the benchmark has results that are wrong or missing:\n" + "\n".join(problems))


class _Benchmark:
    """A run of the benchmark: the parts, each of which leaves its figures or its message."""

    def __init__(self, options: Options, results: Results, scratch: Path, path: Path) -> None:
        self._options = options
        self._sizes = options.sizes
        self._results = results
        self._scratch = scratch
        self._path = path
        self._pipeline = measured_pipeline()

    def run(self) -> None:
        """Measure all parts that were asked for; those on running services share one stack."""
        if set(self._options.parts) - {"captured", "run"}:
            with private_stack(self._scratch, changed=self._sizes.stack) as settings:
                for records in self._sizes.changelogs:
                    self._part(f"throughput of {records:,} records", partial(self._throughput, settings, records))
                loaded = LoadedTable(settings, self._pipeline, self._sizes.load_rows, self._scratch)
                self._part("freshness", partial(self._freshness, settings, loaded))
                self._part("recovery", partial(self._recovery, settings, loaded))
                self._part("snapshot", partial(self._snapshot, settings, loaded))
        for tables, rows in self._sizes.captured:
            self._part(f"captured tables: {tables}, {rows:,} rows", partial(self._captured, tables, rows))
        for rows in self._sizes.run_rows:
            self._part(f"run of {rows:,} rows", partial(self._whole_run, rows))

    def _part(self, name: str, measure: Callable[[], None]) -> None:
        if name.partition(" ")[0] not in self._options.parts:
            return
        print(f"{name} ...", flush=True)
        try:
            measure()
        except PlatformError as error:
            self._results.errors[name] = str(error)
            print(f"  failed: {error}", flush=True)
        finally:  # an unexpected error must not lose the figures of an hour
            write_results(self._results, [asdict(figure) for figure in figures_of(self._results)], self._path)

    def _throughput(self, settings: Settings, records: int) -> None:
        chosen = []
        for each in contestants(self._sizes.heap_taskmanager_mb):
            if self._options.only and each.name not in self._options.only:
                continue
            if left_out := too_slow(each, records, self._results.throughput):
                say(str(left_out))
                self._results.throughput.append(left_out)
            else:
                chosen.append(each)
        for found in measure_throughput(settings, chosen, records, self._sizes, self._scratch):
            self._results.throughput.append(found)

    def _freshness(self, settings: Settings, loaded: LoadedTable) -> None:
        self._results.freshness = measure_freshness(settings, self._pipeline, self._sizes, loaded)

    def _recovery(self, settings: Settings, loaded: LoadedTable) -> None:
        self._results.recovery = measure_recovery(settings, self._pipeline, self._sizes, loaded)

    def _snapshot(self, settings: Settings, loaded: LoadedTable) -> None:
        loaded.stop()
        self._results.snapshot = measure_snapshot(settings, self._pipeline, self._sizes, self._scratch)

    def _captured(self, tables: int, rows: int) -> None:
        self._results.captured.append(measure_captured(tables, rows, self._sizes, self._scratch))

    def _whole_run(self, rows: int) -> None:
        self._results.runs.append(measure_whole_run(rows, self._scratch, self._sizes.by_hand))


def write_plots(results_file: Path, folder: Path) -> list[str]:
    """Write the plots of a results file, and return their names; SetupError shows why they cannot be drawn."""
    command = [str(ensure_environment("plots")), "-m", "infra.bench.plots", str(results_file), str(folder)]
    environment = {**inherited_environment(), "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SetupError(f"plots: they cannot be drawn. The end of the output:\n{log_tail(answer.stderr)}")
    return answer.stdout.split()


def write_page(results: Results, figures: Sequence[Figure], images: Sequence[str], page: Path = PAGE) -> None:
    """Write the figures to the section of the documentation that is generated."""
    intro = f"Measured on {results.measured_at} with {results.machine}; every result was compared row by row."
    section = render_section(figures, intro, [(IMAGES[name], f"images/{name}") for name in images])
    page.write_text(replace_section(page.read_text(encoding="utf-8"), section), encoding="utf-8")


def _check_names(options: Options) -> None:
    known = [each.name for each in contestants(None)]
    unknown = [name for name in options.only if name not in known]
    if unknown:
        raise DefinitionError(f"contestant {', '.join(unknown)} does not exist. Expected some of: {', '.join(known)}.")


def _default_path() -> Path:
    settings = load_settings()
    return ensure_data_dir(settings) / "bench" / "results.json"


def _problems(results: Results) -> list[str]:
    """Return a line for each failure; what a contestant is excused for is reported, but is not a failure."""
    failed = [str(found) for found in results.throughput if found.rate is None and not found.is_excused]
    return [*failed, *(f"{part}: {error}" for part, error in results.errors.items())]
