"""Our training, evaluation, latency, start and memory beside PyTorch's, the chapter's loop and MXNet, in turn.

    pip install '.[bench]'
    python benchmarks/compare.py --rounds 5 --docs
    python benchmarks/compare.py --rounds 1 --limit 2560 --large-limit 320 --only main,latency

Each round runs every contender in a process of its own, one after the other, each round another one first, on
the same data with the same network, recipe and threads; the first epoch of each process warms up and is not
counted. Whole epochs are timed, from pictures in memory to metrics; PyTorch's pictures are one float tensor,
ours are bytes that the loader makes batches of. Prints Markdown and writes it with the figure and all values to
--out, and with --docs, for all parts, to docs/performance.md too.

torch may be in another Python than ours: --torch-python. Without it PyTorch is left out.

Parts: main (28×28, batch 256: training, evaluation, peak memory), large (96×96, batch 64), latency, start,
steps (the optimizer's share, the data path, what --profile costs), mxnet, chapter (DJL's own loop).
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
    """The results of rounds so far."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.results: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.versions: dict[str, str] = {}
        self.profiles: list[list[dict[str, str]]] = []
        self.round = 0
        self.python = args.torch_python if contenders.has_torch(args.torch_python) else None
        if self.python is None:
            print(f"{args.torch_python} has no torch: PyTorch is left out; see --torch-python", file=sys.stderr)

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
        """Ours and, where there is torch, theirs; each round another one first."""
        names = ["ours", "eager", "compiled"] if self.python else ["ours"]
        first = self.round % len(names)
        return names[first:] + names[:first]

    def _python(self, name: str) -> Path | None:
        """The Python of a contender that has torch, None for ours."""
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
        """Where the time of our steps goes, without and with momentum; what the loader and the profile add."""
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
        f"{about} Medians, least and most in brackets; a ratio above 1 says that ours is the faster or the smaller.",
        f"```\n{command}\n```",
        report.table(results),
        report.extras(results),
        f"![How many times as fast as eager PyTorch]({figure})",
    ]
    return "\n\n".join(part for part in parts if part)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2, help="of each process, the first not counted")
    parser.add_argument("--limit", type=int, default=15_360, help="examples of an epoch at 28×28")
    parser.add_argument("--large-limit", type=int, default=1_280, help="examples of an epoch at 96×96")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--torch-python", type=Path, default=Path(sys.executable), help="a Python that has torch")
    parser.add_argument("--only", type=_parts, default=PARTS, metavar="PART,...", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--out", type=Path, default=Path("target/benchmarks"))
    parser.add_argument("--docs", action="store_true", help="write to docs/performance.md and docs/images")
    args = parser.parse_args(arguments)
    if args.docs and args.only != PARTS:
        parser.error("--docs takes the figures of all parts: leave --only out")
    return args


def _parts(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if unknown := [part for part in chosen if part not in PARTS]:
        raise argparse.ArgumentTypeError(f"parts are {', '.join(PARTS)}; received {', '.join(unknown)}")
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
                # the contenders' figures stay those of the same rounds
                comparison.results, comparison.profiles = before
    if failures and args.docs:
        sys.exit(f"docs/performance.md stays as it is; not measured: {', '.join(dict.fromkeys(failures))}")
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
        text = f"At 28×28, batch 256, from the same command; medians of its rounds.\n\n{report.profile_table(profile)}"
        text += f"\n\n![Where a step's time goes]({'images/' if args.docs else ''}{link})"
        (args.out / "profile.md").write_text(text + "\n", "utf-8")
        if args.docs:
            report.write_section("profile", text)
        print(text)
    if failures:
        sys.exit(f"not measured in every round: {', '.join(dict.fromkeys(failures))}")


if __name__ == "__main__":
    main()
