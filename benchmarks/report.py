"""Writes measurements as Markdown and a figure, into docs/performance.md if asked."""

from __future__ import annotations

import os
import platform
import re
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from works import CONTENDERS, FACTS, RATIOS, WORKS, Work

DOCS = Path(__file__).parent.parent / "docs"

#: The measurements of a round: a value for each work and contender.
Round = Mapping[str, Mapping[str, float]]


def values(rounds: Sequence[Round], key: str, contender: str) -> list[float]:
    """Returns the values of the rounds that have one."""
    return [one[key][contender] for one in rounds if contender in one.get(key, {})]


def counted(rounds: Sequence[Round]) -> str:
    """Returns how often each part was measured, such as ``3`` or ``3 to 5``."""
    counts = [sum(key in one for one in rounds) for key in (*WORKS, *FACTS)]
    least, most = min((count for count in counts if count), default=0), max(counts)
    return str(most) if least == most else f"{least} to {most}"


def ratios(rounds: Sequence[Round], key: str, contender: str, others: Sequence[str]) -> list[float]:
    """Returns the speedup of a contender over the best of `others`, for each round that has them all."""
    rows = [one[key] for one in rounds if {contender, *others} <= set(one.get(key, {}))]
    if key in WORKS and not WORKS[key].milliseconds:
        return [row[contender] / max(row[other] for other in others) for row in rows]
    return [min(row[other] for other in others) / row[contender] for row in rows]


def spread(found: Sequence[float], digits: int | None = None) -> str:
    """Returns the median, and the range of several values; without `digits`, with three or more significant ones."""
    middle = statistics.median(found)
    if digits is None:
        digits = 0 if middle >= 100 else 1 if middle >= 10 else 2
    span = f" ({min(found):.{digits}f} to {max(found):.{digits}f})" if len(found) > 1 else ""
    return f"{middle:.{digits}f}{span}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def speedups(rounds: Sequence[Round]) -> str:
    """Returns a table of our ratios with what they must reach, a row for each work."""
    rows = []
    for key, work in WORKS.items():
        found = [ratios(rounds, key, *parts) for parts in RATIOS.values()]
        if any(found):
            cells = [_ratio(one, work.bounds.get(name)) for name, one in zip(RATIOS, found, strict=True)]
            rows.append([work.title.removesuffix(", ms"), *cells])
    return markdown(["", *RATIOS], rows) if rows else ""


def _ratio(found: Sequence[float], least: float | None) -> str:
    if not found:
        return ""
    middle, _, span = spread(found, 2).partition(" ")
    text = f"**{middle}** {span}".rstrip()
    return text if least is None else f"{text}; {verdict(statistics.median(found) >= least, f'at least {least}')}"


def verdict(reached: bool, bound: str) -> str:
    return f"{bound}: {'reached' if reached else '**not reached**'}"


def speeds(rounds: Sequence[Round]) -> str:
    """Returns a table of all values: examples per second, and the percentage of the roofline for training."""
    present = [name for name in CONTENDERS if any(values(rounds, key, name) for key in WORKS)]
    rows = []
    for key, work in WORKS.items():
        found = [values(rounds, key, name) for name in present]
        if any(found):
            cells = [
                f"{spread(one)}{_percentage(roofline(rounds, key, name))}" if one else ""
                for name, one in zip(present, found, strict=True)
            ]
            rows.append([work.title, *cells])
    return markdown(["", *(CONTENDERS[name] for name in present)], rows)


def _percentage(found: Sequence[float]) -> str:
    return f", {statistics.median(found):.0f} %" if found else ""


def roofline(rounds: Sequence[Round], key: str, contender: str) -> list[float]:
    """Returns the percentage of the cores' speed that a training reaches, for each round.

    ``flops`` has the operations per example by work, ``peaks`` the operations per second by precision.
    """
    precision = "bfloat16" if contender == "ours-bfloat16" or "autocast" in contender else "float32"
    return [
        100 * one[key][contender] * one["flops"][key] / one["peaks"][precision]
        for one in rounds
        if contender in one.get(key, {}) and key in one.get("flops", {}) and "peaks" in one
    ]


def facts(rounds: Sequence[Round]) -> str:
    """Returns what has no speed, as a Markdown list."""
    lines = []
    for key, (title, names, unit, most) in FACTS.items():
        for name, one in ((name, values(rounds, key, name)) for name in names):
            if not one:
                continue
            text = f"- {title}{f', {CONTENDERS[name]}' if name in CONTENDERS else ''}: {spread(one)} {unit}"
            if most is not None and name == "ours":
                text += f"; {verdict(statistics.median(one) <= most, f'at most {most}')}"
            lines.append(text)
    if saving := ratios(rounds, "peak", "ours-bfloat16", ("ours",)):
        less = 1 - 1 / statistics.median(saving)
        lines.append(f"- bfloat16 needs {100 * less:.0f} % less memory; {verdict(less >= 0.25, 'at least 25 %')}")
    for precision in ("float32", "bfloat16"):
        if peak := [value / 1e9 for value in values(rounds, "peaks", precision)]:
            lines.append(f"- Roofline, {precision}: {spread(peak)} GFLOP/s")
    return "\n".join(lines)


def figure(rounds: Sequence[Round], caption: str, path: Path) -> None:
    """Draws each contender's speedup over eager PyTorch: medians, with the range over the rounds."""
    from matplotlib.figure import Figure

    shown = [key for key in WORKS if values(rounds, key, "eager")]
    others = [name for name in CONTENDERS if name != "eager"]
    chart = Figure(figsize=(7.2, 1.6 + 0.65 * len(shown)), layout="constrained")
    axes = chart.add_subplot()
    for number, name in enumerate(others):
        points = [(line, ratios(rounds, key, name, ("eager",))) for line, key in enumerate(shown)]
        points = [(line + 0.11 * (number - (len(others) - 1) / 2), found) for line, found in points if found]
        if points:
            middles = [statistics.median(found) for _, found in points]
            least = [middle - min(found) for middle, (_, found) in zip(middles, points, strict=True)]
            most = [max(found) - middle for middle, (_, found) in zip(middles, points, strict=True)]
            places = [place for place, _ in points]
            style = {"fmt": "s" if name.startswith("ours") else "o", "markersize": 4, "capsize": 2}
            axes.errorbar(middles, places, xerr=[least, most], label=CONTENDERS[name], color=f"C{number}", **style)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(shown)), [_label(WORKS[key]) for key in shown], fontsize="small")
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_title("Speed compared with eager PyTorch")
    axes.set_xlabel("Speedup (eager PyTorch in float32 = 1; more is better)")
    axes.grid(axis="x", alpha=0.3)
    chart.legend(loc="outside upper center", ncols=2, fontsize="small", frameon=False)
    chart.text(0.5, -0.01, textwrap.fill(caption, 130), ha="center", va="top", fontsize="xx-small")
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.savefig(path, dpi=150, bbox_inches="tight")


def _label(work: Work) -> str:
    return work.title.replace("`", "").removesuffix(", ms").replace(", ", ",\n", 1).replace(", a busy", ",\na busy")


def machine() -> str:
    """Describes the processor, the available cores, the system and its load."""
    load = f", load average {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    return processor() + load


def processor() -> str:
    """Describes the processor, the available cores and the system."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        name = platform.processor()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores, {platform.system()}"


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
