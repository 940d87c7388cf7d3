"""The plots of a results file. It runs in an environment of its own: `python -m infra.bench.plots results.json folder`.

Light background, one message in each plot, and the name next to the value instead of a legend where that is possible.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

OURS, OTHERS, LIMIT = "#1f6feb", "#8c959f", "#cf222e"
INK, GRID = "#24292f", "#d0d7de"
SERVICE_NAMES = {"dag": "process of the DAG"}
STYLE = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 11,
    "grid.color": GRID,
}


def plot_throughput(results: dict[str, Any], path: Path) -> None:
    """Plot records per second of each contestant, one panel for each size of the changelog."""
    sizes = sorted({found["records"] for found in results["throughput"]})
    rows = max(sum(found["records"] == size for found in results["throughput"]) for size in sizes)
    figure, panels = plt.subplots(1, len(sizes), figsize=(6.2 * len(sizes) + 1, 1.2 + 0.5 * rows), squeeze=False)
    for panel, size in zip(panels[0], sizes, strict=True):
        found = [each for each in results["throughput"] if each["records"] == size]
        found.sort(key=lambda each: each["rate"] or 0)
        rates = [each["rate"] or 0 for each in found]
        colors = [OURS if each["contestant"].startswith("analytics") else OTHERS for each in found]
        bars = panel.barh([each["title"] for each in found], rates, color=colors, height=0.65)
        labels = [f"{rate:,.0f}" if rate else "no figure" for rate in rates]
        panel.bar_label(bars, labels, padding=4)
        panel.set_title(f"{size:,} records")
        panel.set_xlabel("thousand records/s, topic to last result")
        panel.set_xlim(0, max([*rates, 1]) * 1.2)
        panel.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value / 1000:,.0f}"))
        panel.grid(axis="x")
    _save(figure, path)


def plot_growth(results: dict[str, Any], path: Path) -> None:
    """Plot time and peak memory of whole runs by their number of rows."""
    runs = sorted(results["runs"], key=lambda run: run["rows"])
    millions = [run["rows"] / 1e6 for run in runs]
    figure, (times, memory) = plt.subplots(1, 2, figsize=(14, 4.4))
    for key, label, color in (("run", "make run, with checks", OURS), ("by_hand", "by hand", OTHERS)):
        measured = [run for run in runs if run[key] is not None]
        times.plot([run["rows"] / 1e6 for run in measured], [run[key] for run in measured], "o-", c=color, label=label)
    times.set_title("Time of a whole run")
    times.set_ylabel("seconds")
    services = {"dag": OURS, "flink-taskmanager": "#8250df", "kafka": "#1a7f37", "mysql": "#9a6700"}
    for service, color in services.items():
        sizes = [run["peak_mb"].get(service, 0) / 1024 for run in runs]
        memory.plot(millions, sizes, marker="o", color=color, label=SERVICE_NAMES.get(service, service))
    memory.set_title("Peak memory of a process")
    memory.set_ylabel("GiB")
    for panel in (times, memory):
        panel.set_xlabel("million rows")
        panel.set_ylim(bottom=0)
        panel.set_xlim(0, max(millions) * 1.15)
        panel.grid()
        panel.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    _save(figure, path)


def plot_freshness(results: dict[str, Any], path: Path) -> None:
    """Plot median and 99th percentile of the freshness, on a logarithmic axis."""
    found = results["freshness"]
    cases = [
        ("the connector's defaults,\nlow load", found["defaults"]),
        ("this pipeline,\nlow load", found["tuned"]),
        (f"this pipeline,\n{found['load_rate']:,.0f} changes/s,\n{found['load_rows']:,} rows", found["load"]),
    ]
    figure, panel = plt.subplots(figsize=(8, 4.2))
    for key, offset, color, label in (("p50", -0.19, "#80ccff", "p50"), ("p99", 0.19, OURS, "p99")):
        places = [number + offset for number in range(len(cases))]
        bars = panel.barh(places, [case[key] for _, case in cases], height=0.36, color=color, label=label)
        panel.bar_label(bars, [f"{case[key]:,.0f} ms" for _, case in cases], padding=4)
    panel.set_yticks(range(len(cases)), [name for name, _ in cases])
    panel.invert_yaxis()
    panel.set_xscale("log")
    panel.set_xlim(1, max(case["p99"] for _, case in cases) * 6)
    panel.plot([1000, 1000], [1.55, 2.45], color=LIMIT, linewidth=1.5)  # only next to the case that has the goal
    panel.text(1080, 2, "goal under load:\np99 of 1 s", color=LIMIT, va="center", fontsize=9)
    panel.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:,.0f}"))
    panel.set_xlabel("milliseconds from the commit to the changed top three (logarithmic)")
    panel.set_title("Freshness")
    panel.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Write a plot for each part that the results file has, and print its name."""
    results = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    plots = {"throughput": plot_throughput, "runs": plot_growth, "freshness": plot_freshness}
    names = {"throughput": "throughput.png", "runs": "growth.png", "freshness": "freshness.png"}
    with plt.rc_context(STYLE):
        for part, plot in plots.items():
            if results[part] and (part != "runs" or len(results[part]) > 1):  # growth is between two sizes
                plot(results, folder / names[part])
                print(names[part])


if __name__ == "__main__":
    main()
