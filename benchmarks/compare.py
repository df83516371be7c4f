"""Compares training, evaluation, latency, start-up and memory with PyTorch, the chapter's loop and MXNet.

    pip install '.[bench]'
    python benchmarks/compare.py --rounds 5 --docs
    python benchmarks/compare.py --rounds 1 --limit 2560 --large-limit 320 --only main,latency

Each round runs every contender in its own process, one after the other, starting with a different one each
time. Data, network, recipe and threads are the same. The first epoch of each process warms up and does not
count. Full epochs are timed, from images in memory to metrics: PyTorch's images are one float tensor, ours are
bytes from which the loader makes batches. Prints Markdown and writes it with the figure and all values to
--out; --docs also writes it to docs/performance.md.

If another Python has torch, give it with --torch-python. Without torch, PyTorch is skipped.

Parts: main (28×28, batch 256: training, evaluation, peak memory), large (96×96, batch 64), latency, start,
steps (the optimizer's share, the data path, the overhead of --profile), mxnet, chapter (DJL's own loop).
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import shlex
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import contenders
import report

PARTS = ("main", "large", "latency", "start", "steps", "mxnet", "chapter")


class Comparison:
    """The results of the rounds so far."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.results: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.versions: dict[str, str] = {}
        self.profiles: list[list[dict[str, str]]] = []
        self.round = 0
        self.python = args.torch_python if contenders.has_torch(args.torch_python) else None
        if self.python is None:
            print(f"{args.torch_python} has no torch, so PyTorch is skipped. See --torch-python.", file=sys.stderr)

    def add(self, work: str, contender: str, value: float) -> None:
        self.results[work][contender].append(value)
        print(f"  {work}, {contender}: {value:.4g}", file=sys.stderr, flush=True)

    def trained(self, work: str, contender: str, training: contenders.Training) -> None:
        self.add(work, contender, training.train)
        self.versions.update(
            {k: v for k, v in training.versions.items() if isinstance(v, str) and contender != "mxnet"}
        )
        if work == "train28":
            self.add("peak", contender, training.peak_mb)
            if training.evaluate is not None:
                self.add("evaluate28", contender, training.evaluate)

    def main(self) -> None:
        self._trainings("train28", self.args.limit, 256, None)

    def large(self) -> None:
        self._trainings("train96", self.args.large_limit, 64, 96)

    def _trainings(self, work: str, limit: int, batch_size: int, size: int | None) -> None:
        settings = (self.args.epochs, limit, batch_size, self.args.threads, size)
        for name in self._in_turn():
            if name == "ours":
                training = contenders.ours(*settings)[0]
            else:
                training = contenders.theirs(self.python, *settings, compiled=name == "compiled")
            self.trained(work, name, training)

    def _in_turn(self) -> list[str]:
        """Our package and, if torch is available, PyTorch, starting with a different one each round."""
        names = ["ours", "eager", "compiled"] if self.python else ["ours"]
        first = self.round % len(names)
        return names[first:] + names[:first]

    def _python(self, name: str) -> Path | None:
        """The Python of a PyTorch contender; None for ours."""
        return None if name == "ours" else self.python

    def latency(self) -> None:
        for name in self._in_turn():
            latency = contenders.latency(self._python(name), self.args.threads, compiled=name == "compiled")
            self.add("latency", name, latency)

    def start(self) -> None:
        for name in self._in_turn():
            if name != "compiled":
                self.add("first_batch", name, contenders.first_batch(self._python(name), self.args.threads))
                self.add("libraries", name, contenders.libraries(self._python(name), self.args.threads))

    def steps(self) -> None:
        """How the time of our steps breaks down, without and with momentum, and the overhead of loader and profile."""
        settings = (self.args.epochs, self.args.limit, 256, self.args.threads, None, "--profile")
        _, rows = contenders.ours(*settings)
        self.profiles.append(rows)
        shares = {row["part"]: float(row["share"]) for row in rows}
        self.add("optimizer", "ours", shares["optimizer"])
        self.add("data_wait", "ours", shares["data"])
        _, rows = contenders.ours(*settings, "--momentum", "0.9", "--weight-decay", "0.0005", "--lr", "0.01")
        self.add("momentum", "ours", next(float(row["share"]) for row in rows if row["part"] == "optimizer"))
        for key, batch_size, size, steps, pairs in (("data_cost", 256, 28, 20, 6), ("data_cost96", 64, 96, 8, 4)):
            costs = contenders.data_cost(batch_size, size, self.args.threads, steps, pairs)
            self.add(key, "ours", statistics.median(costs))
        costs = contenders.profile_cost(self.args.threads, limit=2560, pairs=6)
        self.add("profile_cost", "ours", statistics.median(costs))

    def mxnet(self) -> None:
        settings = (self.args.epochs, self.args.limit, 256, self.args.threads, None)
        self.trained("train28", "mxnet", contenders.ours(*settings, "--engine", "mxnet")[0])

    def chapter(self) -> None:
        settings = (self.args.epochs, self.args.limit, 256, self.args.threads)
        self.trained("train28", "chapter", contenders.chapter(*settings))


def section(results: report.Results, about: str, command: str, figure: str) -> str:
    """The Markdown of a comparison."""
    parts = [
        f"{about} Medians, with the range in brackets. A ratio above 1 means that py_djl_resnet is faster or smaller.",
        f"```\n{command}\n```",
        report.table(results),
        report.extras(results),
        f"![Speedup over eager PyTorch]({figure})",
    ]
    return "\n\n".join(part for part in parts if part)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2, help="per process; the first does not count (default: 2)")
    parser.add_argument("--limit", type=int, default=15_360, help="examples per epoch at 28×28 (default: 15360)")
    parser.add_argument("--large-limit", type=int, default=1_280, help="examples per epoch at 96×96 (default: 1280)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--torch-python", type=Path, default=Path(sys.executable), help="Python that has torch (default: this one)"
    )
    parser.add_argument(
        "--only",
        type=_parts,
        default=PARTS,
        metavar="PART,...",
        help=f"measure some of {', '.join(PARTS)} (default: all)",
    )
    parser.add_argument("--out", type=Path, default=Path("target/benchmarks"))
    parser.add_argument("--docs", action="store_true", help="also write to docs/performance.md and docs/images")
    args = parser.parse_args(arguments)
    if args.docs and args.only != PARTS:
        parser.error("--docs needs all parts. Omit --only.")
    return args


def _parts(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if unknown := [part for part in chosen if part not in PARTS]:
        raise argparse.ArgumentTypeError(f"unknown parts. Received: {', '.join(unknown)}. Allowed: {', '.join(PARTS)}.")
    return chosen


def main() -> None:
    args = parse()
    machine = report.machine()
    comparison = Comparison(args)
    failures = []
    for comparison.round in range(args.rounds):
        for part in args.only:
            print(f"round {comparison.round + 1} of {args.rounds}: {part}", file=sys.stderr, flush=True)
            measure: Callable[[], None] = getattr(comparison, part)
            before = copy.deepcopy((comparison.results, comparison.profiles))
            try:
                measure()
            except contenders.ProcessFailedError as error:
                failures.append(part)
                print(error, file=sys.stderr)
                # All contenders keep the same rounds
                comparison.results, comparison.profiles = before
    if failures and args.docs:
        sys.exit(f"docs/performance.md is unchanged. Not measured: {', '.join(dict.fromkeys(failures))}")
    words = ["python", "benchmarks/compare.py"]
    for option in ("rounds", "epochs", "limit", "large-limit", "threads"):
        words += [f"--{option}", str(getattr(args, option.replace("-", "_")))]
    words += ["--torch-python", "PYTHON"] if args.torch_python != Path(sys.executable) else []
    words += ["--only", ",".join(args.only)] if args.only != PARTS else []
    command = shlex.join(words)
    about = f"n = {args.rounds}, {args.threads} threads; {machine}; {report.versions(comparison.versions)}."
    figures = report.DOCS / "images" if args.docs else args.out
    results = {work: dict(row) for work, row in comparison.results.items()}
    if any("eager" in row for row in results.values()):
        report.figure(results, about, figures / "compare.png")
    text = section(results, about, command, "images/compare.png" if args.docs else "compare.png")
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "compare.md").write_text(text + "\n", "utf-8")
    (args.out / "compare.json").write_text(
        json.dumps({"about": about, "command": command, "results": results}, indent=1)
    )
    if args.docs:
        report.write_section("compare", text)
    print(text)
    if comparison.profiles:
        profile = report.medians(comparison.profiles)
        link = report.profile_figure(profile, figures / "profile.png")
        text = (
            f"At 28×28, batch 256, from the same command: medians over its rounds.\n\n{report.profile_table(profile)}"
        )
        text += f"\n\n![Time of a training step by part]({'images/' if args.docs else ''}{link})"
        (args.out / "profile.md").write_text(text + "\n", "utf-8")
        if args.docs:
            report.write_section("profile", text)
        print(text)
    if failures:
        sys.exit(f"Not measured in every round: {', '.join(dict.fromkeys(failures))}")


if __name__ == "__main__":
    main()
