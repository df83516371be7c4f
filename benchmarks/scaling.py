"""Measures how training speed and memory scale with batch size, image size and threads, against PyTorch.

    python benchmarks/scaling.py --docs
    python benchmarks/scaling.py --batch-sizes 32,512 --image-sizes 28,112 --threads 1 --seconds 2

Each point is a process that trains on one fixed batch for --seconds, after as long a warmup. It gives the
examples per second of the median step and the peak resident memory. Image sizes are measured at --image-batch,
batch sizes at 28×28. Prints Markdown and writes it with a CSV file and the figure to --out; --docs also writes it
to docs/performance.md. If another Python has torch, give it with --torch-python.
"""

from __future__ import annotations

import argparse
import csv
import os
import shlex
import statistics
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import contenders
import report

NAMES = {"ours": "py_djl_resnet", "eager": "PyTorch, eager"}


@dataclass(frozen=True)
class Point:
    """The measurements of one contender, batch size, image size and number of threads.

    Args:
        contender: `ours` or `eager`.
        threads: threads of the engine.
        batch_size: examples per step.
        image_size: height and width in pixels.
        examples_per_second: of the median step; median over the rounds.
        least: the same in the slowest round.
        most: the same in the fastest round.
        peak_mb: peak resident memory; median over the rounds.
        steps: timed steps per process, at least.
    """

    contender: str
    threads: int
    batch_size: int
    image_size: int
    examples_per_second: float
    least: float
    most: float
    peak_mb: float
    steps: int


def measure(
    names: Sequence[str], python: Path, threads: int, batch_size: int, image_size: int, seconds: float, rounds: int
) -> list[Point]:
    """Returns a point for each contender; their processes alternate."""
    speeds: dict[str, list[float]] = {name: [] for name in names}
    peaks: dict[str, list[float]] = {name: [] for name in names}
    counts: dict[str, list[int]] = {name: [] for name in names}
    place = (batch_size, image_size, seconds, threads)
    for _ in range(rounds):
        for name in names:
            steps, peak = contenders.our_steps(*place) if name == "ours" else contenders.their_steps(python, *place)
            speeds[name].append(batch_size / statistics.median(steps))
            peaks[name].append(peak)
            counts[name].append(len(steps))
    points = []
    for name, found in speeds.items():
        figures = [round(value, 2) for value in (statistics.median(found), min(found), max(found))]
        peak_mb = round(statistics.median(peaks[name]), 1)
        points.append(Point(name, threads, batch_size, image_size, *figures, peak_mb, min(counts[name])))
        print(points[-1], file=sys.stderr, flush=True)
    return points


def table(points: Sequence[Point]) -> str:
    """Returns a Markdown table: a row for each batch and image size, columns for each number of threads."""
    threads = sorted({point.threads for point in points})
    present = [name for name in NAMES if any(point.contender == name for point in points)]
    head = ["batch", "image"]
    for count in threads:
        named = f"{count} thread{'s' if count > 1 else ''}"
        head += [f"{NAMES[name]}, {named}: examples/s (MB, spread)" for name in present]
        head += [f"ratio, {named}"] if len(present) == 2 else []
    lines = [head, ["---"] * len(head)]
    found = {(p.contender, p.threads, p.batch_size, p.image_size): p for p in points}
    for batch_size, size in sorted({(p.batch_size, p.image_size) for p in points}, key=lambda place: place[::-1]):
        cells = [str(batch_size), f"{size}×{size}"]
        for count in threads:
            row = [found.get((name, count, batch_size, size)) for name in present]
            cells += [_cell(p) if p else "" for p in row]
            if len(row) == 2:
                ours, other = row
                cells.append(f"{ours.examples_per_second / other.examples_per_second:.2f}" if ours and other else "")
        lines.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(point: Point) -> str:
    digits = 0 if point.examples_per_second >= 100 else 1
    spread = f", {point.least:.{digits}f} to {point.most:.{digits}f}" if point.least < point.most else ""
    return f"{point.examples_per_second:.{digits}f} ({point.peak_mb:.0f}{spread})"


def figure(points: Sequence[Point], image_batch: int, caption: str, path: Path) -> None:
    """Draws speed (top) and memory (bottom) over batch size (left) and image size (right)."""
    from matplotlib.figure import Figure

    chart = Figure(figsize=(8, 6), layout="constrained")
    grid = chart.subplots(2, 2)
    by_batch = [point for point in points if point.image_size == 28]
    by_size = [point for point in points if point.batch_size == image_batch]
    for column, (chosen, key, label) in enumerate(
        (
            (by_batch, "batch_size", "Batch size (images of 28×28)"),
            (by_size, "image_size", f"Image size in pixels (batch size {image_batch})"),
        )
    ):
        for line, (value, title) in enumerate(
            (("examples_per_second", "Examples per second"), ("peak_mb", "Peak memory (MB)"))
        ):
            axes = grid[line][column]
            for number, name in enumerate(NAMES):
                for count in sorted({point.threads for point in points}):
                    curve = [p for p in chosen if p.contender == name and p.threads == count]
                    if not curve:
                        continue
                    curve = sorted(curve, key=lambda point: getattr(point, key))
                    xs, ys = [getattr(p, key) for p in curve], [getattr(p, value) for p in curve]
                    style = {"color": f"C{number}", "linestyle": ":" if count == 1 else "-", "marker": "o"}
                    text = f"{NAMES[name]}, {count} thread{'s' if count > 1 else ''}"
                    axes.plot(xs, ys, label=text, markersize=4, **style)
            ticks = sorted({getattr(point, key) for point in chosen})
            axes.set_xscale("log", base=2)
            axes.set_xticks(ticks, [str(tick) for tick in ticks])
            axes.minorticks_off()
            if value == "examples_per_second" and key == "image_size":
                axes.set_yscale("log")
                axes.yaxis.set_major_formatter("{x:g}")
                axes.yaxis.set_minor_formatter("{x:g}" if max(ys) < 10 * min(ys) else "")
            else:
                axes.set_ylim(bottom=0)
            axes.set_xlabel(label)
            axes.set_ylabel(title)
            axes.grid(alpha=0.3)
    chart.suptitle("Training speed and memory")
    chart.legend(*grid[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    chart.text(0.5, -0.01, textwrap.fill(caption, 130), ha="center", va="top", fontsize="xx-small")
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.savefig(path, dpi=150, bbox_inches="tight")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-sizes", type=numbers, default=[32, 64, 128, 256, 512], metavar="N,...")
    parser.add_argument("--image-sizes", type=numbers, default=[28, 56, 96, 160, 224], metavar="N,...")
    parser.add_argument("--image-batch", type=int, default=32, help="batch size for the image sizes (default: 32)")
    parser.add_argument("--threads", type=numbers, default=[1, 2], metavar="N,...")
    parser.add_argument(
        "--rounds", type=int, default=3, help="runs of each contender per point, alternating (default: 3)"
    )
    parser.add_argument("--seconds", type=float, default=5, help="duration of a measurement (default: 5)")
    parser.add_argument(
        "--torch-python", type=Path, default=Path(sys.executable), help="Python that has torch (default: this one)"
    )
    parser.add_argument("--out", type=Path, default=Path("target/benchmarks"))
    parser.add_argument("--docs", action="store_true", help="also write to docs/performance.md and docs/images")
    return parser.parse_args(arguments)


def main() -> None:
    args = parse()
    machine = report.machine()
    names = list(NAMES)
    if not contenders.has_torch(args.torch_python):
        print(f"{args.torch_python} has no torch, so PyTorch is skipped. See --torch-python.", file=sys.stderr)
        names.remove("eager")
    places = [(size, 28) for size in args.batch_sizes]
    places += [(args.image_batch, size) for size in args.image_sizes if (args.image_batch, size) not in places]
    points = [
        point
        for place in places
        for threads in args.threads
        for point in measure(names, args.torch_python, threads, *place, args.seconds, args.rounds)
    ]
    words = ["python", "benchmarks/scaling.py", "--rounds", str(args.rounds), "--seconds", f"{args.seconds:g}"]
    for option in ("batch-sizes", "image-sizes", "threads"):
        words += [f"--{option}", ",".join(map(str, getattr(args, option.replace("-", "_"))))]
    words += ["--image-batch", str(args.image_batch)]
    words += ["--torch-python", "PYTHON"] if args.torch_python != Path(sys.executable) else []
    fewest = min(point.steps for point in points)
    versions = contenders.versions(args.torch_python if "eager" in names else None)
    about = (
        f"{f'Median of {args.rounds} alternating runs' if args.rounds > 1 else 'One run'} per point "
        f"(≥ {fewest} step{'s' if fewest > 1 else ''} each). {machine}; {report.versions(versions)}."
    )
    folder = report.DOCS / "images" if args.docs else args.out
    figure(points, args.image_batch, about, folder / "scaling.png")
    link = "images/scaling.png" if args.docs else "scaling.png"
    text = f"{about}\n\n```\n{shlex.join(words)}\n```\n\n{table(points)}\n\n![Scaling]({link})"
    args.out.mkdir(parents=True, exist_ok=True)
    with open(args.out / "scaling.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Point)])
        writer.writeheader()
        writer.writerows(asdict(point) for point in points)
    (args.out / "scaling.md").write_text(text + os.linesep, "utf-8")
    if args.docs:
        report.write_section("scaling", text)
    print(text)


if __name__ == "__main__":
    main()
