"""Writes measurements as Markdown and figures, into docs/performance.md if asked."""

from __future__ import annotations

import os
import platform
import re
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"


@dataclass(frozen=True)
class Work:
    """A row of the table.

    Args:
        key: the name in the results.
        title: the work that is timed.
        unit: the unit of the values.
        less: whether less is better.
        digits: decimals.
    """

    key: str
    title: str
    unit: str
    less: bool = False
    digits: int = 0


WORK = (
    Work("train28", "training, 28×28, batch 256", "examples/s"),
    Work("train96", "training, 96×96, batch 64", "examples/s", digits=1),
    Work("evaluate28", "evaluation, 28×28, batch 256", "examples/s"),
    Work("latency", "`model(x)` from numpy, batch 1, 28×28", "ms", less=True, digits=2),
    Work("first_batch", "start to first batch", "s", less=True, digits=1),
    Work("peak", "peak resident memory, training at 28×28", "MB", less=True),
)

CONTENDERS = {
    "ours": "py_djl_resnet",
    "eager": "PyTorch, eager",
    "compiled": "PyTorch, compiled",
    "mxnet": "py_djl_resnet on MXNet",
    "chapter": "the chapter's loop",
}

#: For each work and contender, a value per round.
Results = Mapping[str, Mapping[str, Sequence[float]]]


def spread(values: Sequence[float], digits: int) -> str:
    """Returns the median and the range."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def ratios(work: Work, row: Mapping[str, Sequence[float]], contender: str, other: str) -> list[float]:
    """Returns the speedup (or the saving) of a contender over another, for each round."""
    pairs = zip(row.get(contender, ()), row.get(other, ()), strict=False)
    return [b / a if work.less else a / b for a, b in pairs]


def table(results: Results) -> str:
    """Returns a Markdown table with a row for each work and our ratios to PyTorch."""
    present = [key for key in CONTENDERS if any(key in row for row in results.values())]
    head = ["", *(CONTENDERS[key] for key in present)]
    against = [key for key in ("eager", "compiled") if key in present and "ours" in present]
    head += [f"ratio to {CONTENDERS[key]}" for key in against]
    lines = [head, ["---"] * len(head)]
    for work in WORK:
        row = results.get(work.key, {})
        if not row:
            continue
        cells = [f"{work.title}, {work.unit}"]
        cells += [spread(row[key], work.digits) if key in row else "" for key in present]
        for key in against:
            found = ratios(work, row, "ours", key)
            cells.append(f"**{spread(found, 2)}**" if found else "")
        lines.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def extras(results: Results) -> str:
    """Returns the values without a contender, shares and overheads, as a Markdown list."""
    lines = []
    for key, text in (
        ("optimizer", "Optimizer, share of the step"),
        ("momentum", "Optimizer with momentum and weight decay, share of the step"),
        ("data_wait", "Wait for data, share of the step"),
        (
            "data_cost",
            "Overhead of the data path, compared with steps on one fixed batch, alternating in one process",
        ),
        ("data_cost96", "Overhead of the data path at 96×96, batch 64, where the loader resizes"),
        ("profile_cost", "Overhead of `--profile`, alternating epochs in one process"),
    ):
        if values := results.get(key, {}).get("ours"):
            cells = [f"{100 * value:.1f} %" for value in (statistics.median(values), min(values), max(values))]
            lines.append(f"- {text}: {cells[0]} ({cells[1]} to {cells[2]})")
    if libraries := results.get("libraries"):
        sizes = ", ".join(f"{CONTENDERS[key]} {spread(values, 0)} MB" for key, values in libraries.items())
        lines.append(f"- Peak memory of a process that only loads its libraries: {sizes}")
    return "\n".join(lines)


def figure(results: Results, caption: str, path: Path) -> None:
    """Draws each contender's speedup over eager PyTorch: medians, with the range over the rounds."""
    from matplotlib.figure import Figure

    shown = [work for work in WORK if "eager" in results.get(work.key, {})]
    present = [key for key in CONTENDERS if any(key in results[work.key] for work in shown)]
    chart = Figure(figsize=(7.2, 1.4 + 0.75 * len(shown)), layout="constrained")
    axes = chart.add_subplot()
    height = 0.8 / len(present)
    for number, key in enumerate(present):
        for line, work in enumerate(shown):
            found = ratios(work, results[work.key], key, "eager")
            if not found:
                continue
            middle, place = statistics.median(found), line + height * (number - (len(present) - 1) / 2)
            error = [[middle - min(found)], [max(found) - middle]]
            label = CONTENDERS[key] if line == _first(shown, results, key) else None
            axes.barh(place, middle, height, color=f"C{list(CONTENDERS).index(key)}", xerr=error, label=label)
            axes.text(max(found), place, f" {middle:.2f}", va="center", fontsize="x-small")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(shown)), [work.title.replace("`", "").replace(", ", ",\n", 1) for work in shown])
    axes.tick_params(axis="y", labelsize="small")
    axes.invert_yaxis()
    axes.margins(x=0.08)
    axes.set_xlim(left=0)
    axes.set_title("Speed and memory compared with eager PyTorch")
    axes.set_xlabel("Speedup, or saving of memory (eager PyTorch = 1; more is better)")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    chart.legend(loc="outside upper center", ncols=3, fontsize="small", frameon=False)
    chart.text(0.5, -0.01, textwrap.fill(caption, 130), ha="center", va="top", fontsize="xx-small")
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.savefig(path, dpi=150, bbox_inches="tight")


def medians(profiles: Sequence[Sequence[Mapping[str, str]]]) -> list[dict[str, Any]]:
    """Returns the medians of several ``profile.csv``; None for parts outside the two passes."""
    rows = []
    for same in zip(*profiles, strict=True):
        row: dict[str, Any] = {"part": same[0]["part"]}
        for key in ("forward_ms", "backward_ms", "total_ms", "share"):
            values = [float(one[key]) for one in same if one[key]]
            row[key] = statistics.median(values) if values else None
        rows.append(row)
    return rows


def profile_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns a profile as a Markdown table."""
    lines = ["| part | forward (ms) | backward (ms) | total (ms) | share |", "|---|---|---|---|---|"]
    for row in rows:
        cells = ["" if row[key] is None else f"{row[key]:.1f}" for key in ("forward_ms", "backward_ms", "total_ms")]
        lines.append(f"| {row['part']} | {' | '.join(cells)} | {100 * row['share']:.1f} % |")
    return "\n".join(lines)


def profile_figure(rows: Sequence[Mapping[str, Any]], path: Path) -> str:
    """Draws the figure of `train --profile` and returns the file's name."""
    from py_djl_resnet._plotting.figures import plot_profile

    plot_profile(rows, None, path)
    return path.name


def _first(shown: Sequence[Work], results: Results, key: str) -> int:
    return next(line for line, work in enumerate(shown) if ratios(work, results[work.key], key, "eager"))


def machine() -> str:
    """Describes the processor, the available cores, the system and its load."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        name = platform.processor()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load average {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    return f"{name}, {cores} cores, {platform.system()}{load}"


def versions(found: Mapping[str, Any]) -> str:
    """Returns versions in one line, such as ``py_djl_resnet 0.1.0, djl 0.35.1, torch 2.15.0+cpu``."""
    return ", ".join(f"{name} {value}" for name, value in found.items() if isinstance(value, str))


def insert(page: str, name: str, section: str) -> str:
    """Returns a page with the text between ``<!-- name -->`` and ``<!-- /name -->`` replaced.

    Raises:
        ValueError: the page does not have both marks, once each and in this order.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        raise ValueError(f"The page must have the marks {begin.strip()} and {end} once each.")
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    return re.sub(pattern, lambda _: f"{begin}\n{section.strip()}\n\n{end}", page, flags=re.DOTALL)


def write_section(name: str, section: str) -> None:
    """Replaces a section of docs/performance.md."""
    page = DOCS / "performance.md"
    page.write_text(insert(page.read_text("utf-8"), name, section), "utf-8")
