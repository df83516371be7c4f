"""Measures how training speed and memory scale with batch size, image size and threads, against PyTorch.

    python benchmarks/scaling.py --docs
    python benchmarks/scaling.py --batch-sizes 32,512 --image-sizes 28,112 --threads 1 --examples 512

Each point is a process that trains for two epochs of --examples, with the data path; the first epoch warms up. It
gives examples per second and the peak resident memory. Image sizes are measured at --image-batch, batch sizes at
28×28. Prints Markdown and writes it with all values to --out; --docs also writes it to docs/performance.md. If
another Python has torch, give it with --torch-python.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
from pathlib import Path

import contenders
import report
from works import CONTENDERS, FLOAT32, Work

#: Threads, batch size and image size of a point.
Place = tuple[int, int, int]

#: Examples per second and peak memory in MB of each round, by contender.
Point = dict[str, list[tuple[float, float]]]


def table(points: dict[Place, Point]) -> str:
    """Returns a Markdown table with a row for each point."""
    names = list(next(iter(points.values())))
    head = ["threads", "batch", "image", *(f"{CONTENDERS[name]}: examples/s (MB)" for name in names)]
    rows = []
    for (threads, batch_size, size), point in points.items():
        cells = [str(threads), str(batch_size), f"{size}×{size}"]
        for found in point.values():
            peak = statistics.median(peak for _, peak in found)
            cells.append(f"{report.spread([speed for speed, _ in found])}, {peak:.0f} MB")
        if len(names) == 2:
            pairs = zip(*point.values(), strict=True)
            cells.append(report.spread([ours[0] / other[0] for ours, other in pairs]))
        rows.append(cells)
    return report.markdown([*head, *(["ratio"] if len(names) == 2 else [])], rows)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-sizes", type=numbers, default=[32, 64, 128, 256, 512], metavar="N,...")
    parser.add_argument("--image-sizes", type=numbers, default=[28, 56, 96, 160, 224], metavar="N,...")
    parser.add_argument("--image-batch", type=int, default=32, help="batch size for the image sizes (default: 32)")
    parser.add_argument("--threads", type=numbers, default=[1, os.cpu_count()], metavar="N,...")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contender per point (default: 3)")
    parser.add_argument(
        "--examples", type=int, default=2048, help="examples per epoch at 28×28; fewer if larger (default: 2048)"
    )
    parser.add_argument(
        "--torch-python", type=Path, default=Path(sys.executable), help="Python that has torch (default: this one)"
    )
    parser.add_argument("--out", type=Path, default=Path("target/benchmarks"))
    parser.add_argument("--docs", action="store_true", help="also write to docs/performance.md")
    return parser.parse_args(arguments)


def measure(args: argparse.Namespace, names: list[str], place: Place) -> Point:
    """Returns a point; the contenders' processes alternate."""
    threads, batch_size, size = place
    everyone = contenders.Contenders(threads, args.torch_python, contenders.FASHION_MNIST)
    work = Work("", size=size, batch_size=batch_size)
    limit = batch_size * max(1, round(args.examples * 28**2 / size**2 / batch_size))
    point: Point = {name: [] for name in names}
    for _ in range(args.rounds):
        for name in names:
            training = everyone.train(work, name, limit)
            point[name].append((training.train, training.peak_mb))
    print(place, point, file=sys.stderr, flush=True)
    return point


def main() -> None:
    args = parse()
    machine = report.machine()
    names = list(FLOAT32)
    if not contenders.has_torch(args.torch_python):
        print(f"{args.torch_python} has no torch, so PyTorch is skipped. See --torch-python.", file=sys.stderr)
        names.remove("eager")
    shapes = [(size, 28) for size in args.batch_sizes] + [(args.image_batch, size) for size in args.image_sizes]
    places = [(threads, *shape) for threads in args.threads for shape in dict.fromkeys(shapes)]
    points = {place: measure(args, names, place) for place in places}
    words = ["python", "benchmarks/scaling.py", "--rounds", str(args.rounds), "--examples", str(args.examples)]
    for option in ("batch-sizes", "image-sizes", "threads"):
        words += [f"--{option}", ",".join(map(str, getattr(args, option.replace("-", "_"))))]
    words += ["--image-batch", str(args.image_batch)]
    words += ["--torch-python", "PYTHON"] if args.torch_python != Path(sys.executable) else []
    text = f"n = {args.rounds}; {machine}.\n\n```\n{shlex.join(words)}\n```\n\n{table(points)}"
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "scaling.json").write_text(json.dumps([[*place, point] for place, point in points.items()]), "utf-8")
    (args.out / "scaling.md").write_text(text + "\n", "utf-8")
    if args.docs:
        report.write_section("scaling", text)
    print(text)


if __name__ == "__main__":
    main()
