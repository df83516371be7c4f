"""Compares training, evaluation, latency, start-up and memory with PyTorch and the book's loop.

    pip install '.[bench]'
    python benchmarks/compare.py --rounds 5 --docs
    python benchmarks/compare.py --rounds 1 --scale 0.1 --only train28,latency
    python benchmarks/compare.py --rounds 1 --only resnet50 --add

Each round runs every contender in its own process, one after the other, starting with a different one each
time. Data, network, recipe and threads are the same. A process trains for two epochs; the first warms up.
Full epochs are timed, from images in memory to metrics: PyTorch's images are one float tensor, ours are
bytes from which the loader makes batches. Prints Markdown and writes it with the figure and all values to
--out; --docs also writes it to docs/performance.md. A ratio compares values of one round; with --add the
rounds join those in --out, so that the parts can be measured one by one while the machine is quiet.

If another Python has torch, give it with --torch-python. Without torch, PyTorch is skipped. Networks for colour
images train on noise unless --cifar-dir has CIFAR-10's binary files.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import contenders
import report
from works import FACTS, PARTS, WORKS


class Comparison:
    """The rounds so far, and what failed in them."""

    def __init__(
        self, all_contenders: contenders.Contenders, scale: float, has_torch: bool, earlier: dict[str, Any]
    ) -> None:
        self.contenders = all_contenders
        self.scale = scale
        self.has_torch = has_torch
        self.rounds: list[dict[str, dict[str, float]]] = earlier.get("rounds", [])
        self.versions: dict[str, str] = earlier.get("versions", {})
        self.flops: dict[tuple[str, int], int] = {}
        self.failures: list[str] = []

    def round(self, parts: tuple[str, ...]) -> None:
        """Runs every contender of some parts; one that fails has no value in this round."""
        results: dict[str, dict[str, float]] = defaultdict(dict)
        number = len(self.rounds)
        self.rounds.append(results)
        if self.has_torch and any(part in WORKS for part in parts):
            results["peaks"] = self.contenders.peaks()
        for part in parts:
            if part in WORKS and part != "latency" and self.has_torch:
                results["flops"][part] = self._flops(part)
            for name in self._in_turn(part, number):
                print(f"round {number + 1}: {part}, {name}", file=sys.stderr, end="", flush=True)
                try:
                    found = self._measure(part, name)
                except contenders.ProcessFailedError as error:
                    self.failures.append(f"{part} by {name}")
                    print(f": {error}", file=sys.stderr)
                    continue
                print(*(f", {key} {value:.4g}" for key, value in found.items()), sep="", file=sys.stderr, flush=True)
                for key, value in found.items():
                    results[key][name] = value

    def _in_turn(self, part: str, number: int) -> list[str]:
        """Returns the contenders of a part, starting with a different one each round."""
        everyone = WORKS[part].contenders if part in WORKS else FACTS[part][1]
        names = [name for name in everyone if self.has_torch or name in ("ours", "ours-bfloat16", "book")]
        first = number % len(names)
        return names[first:] + names[:first]

    def _measure(self, part: str, name: str) -> dict[str, float]:
        """Returns the values by row or fact."""
        if part == "latency":
            return {part: self.contenders.latency(name, WORKS[part].limit(self.scale))}
        if part == "first_batch":
            return {part: self.contenders.first_batch(name)}
        work = WORKS[part if part in WORKS else "train28"]
        limit = work.limit(self.scale)
        if part == "chapter":
            return {part: self.contenders.chapter(limit)}
        if part == "optimizer":
            options = ("--profile", "--momentum", 0.9, "--weight-decay", 0.0005)
            rows = self.contenders.train(work, name, limit, *options).profile
            return {part: next(100 * float(row["share"]) for row in rows if row["part"] == "optimizer")}
        training = self.contenders.train(work, name, limit)
        self.versions.update({key: text for key, text in training.versions.items() if isinstance(text, str)})
        found = {part: training.train}
        return {**found, "evaluate28": training.evaluate, "peak": training.peak_mb} if part == "train28" else found

    def _flops(self, part: str) -> int:
        place = (WORKS[part].model, WORKS[part].size)
        if place not in self.flops:
            self.flops[place] = self.contenders.flops(WORKS[part])
        return self.flops[place]


def section(rounds: list[report.Round], about: str, command: str, figure: str | None) -> str:
    """Returns the Markdown of a comparison."""
    parts = [
        f"{about} Medians, with the range in brackets.",
        f"```\n{command}\n```",
        "Our speedup:" if (table := report.speedups(rounds)) else "",
        table,
        "Examples per second, and for training the percentage of the roofline in the contender's precision:",
        report.speeds(rounds),
        report.facts(rounds),
        f"![Speedup over eager PyTorch]({figure})" if figure else "",
    ]
    return "\n\n".join(part for part in parts if part)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1, help="factor on steps and calls (default: 1)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--cifar-dir", type=Path, help="folder of CIFAR-10's binary files (default: noise)")
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
    parser.add_argument("--add", action="store_true", help="add to the rounds in --out")
    parser.add_argument("--docs", action="store_true", help="also write to docs/performance.md and docs/images")
    args = parser.parse_args(arguments)
    if args.docs and args.only != PARTS and not args.add:
        parser.error("--docs needs all parts. Omit --only, or add to earlier rounds with --add.")
    return args


def _parts(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if unknown := [part for part in chosen if part not in PARTS]:
        raise argparse.ArgumentTypeError(f"unknown parts. Received: {', '.join(unknown)}. Allowed: {', '.join(PARTS)}.")
    return chosen


def command(args: argparse.Namespace) -> str:
    """Returns the command that measures the same again."""
    words = ["python", "benchmarks/compare.py", "--rounds", str(args.rounds), "--scale", f"{args.scale:g}"]
    words += ["--threads", str(args.threads)]
    words += ["--torch-python", "PYTHON"] if args.torch_python != Path(sys.executable) else []
    words += ["--cifar-dir", "DIR"] if args.cifar_dir else []
    if args.add:
        return shlex.join([*words, "--only", "PART", "--add"])
    return shlex.join(words + (["--only", ",".join(args.only)] if args.only != PARTS else []))


def main() -> None:
    args = parse()
    machine = report.machine()
    has_torch = contenders.has_torch(args.torch_python)
    if not has_torch:
        print(f"{args.torch_python} has no torch, so PyTorch is skipped. See --torch-python.", file=sys.stderr)
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / "compare.json"
    earlier = json.loads(file.read_text("utf-8")) if args.add and file.exists() else {}
    with tempfile.TemporaryDirectory() as noise:
        if args.cifar_dir is None and {"resnet50", "cifar20"} & set(args.only):
            contenders.write_cifar(Path(noise))
        everyone = contenders.Contenders(args.threads, args.torch_python, args.cifar_dir or Path(noise))
        comparison = Comparison(everyone, args.scale, has_torch, earlier)
        for _ in range(args.rounds):
            comparison.round(args.only)
            # All values so far, in case a later round is interrupted
            count = report.counted(comparison.rounds)
            about = f"n = {count}, {args.threads} threads; {machine}; {report.versions(comparison.versions)}."
            values = {
                "about": about,
                "command": command(args),
                "versions": comparison.versions,
                "rounds": comparison.rounds,
            }
            file.write_text(json.dumps(values, indent=1), "utf-8")
    missing = f"Not measured in every round: {', '.join(dict.fromkeys(comparison.failures))}"
    if comparison.failures and args.docs:
        sys.exit(f"docs/performance.md is unchanged. {missing}")
    if args.docs and (absent := [part for part in PARTS if not any(part in one for one in comparison.rounds)]):
        sys.exit(f"docs/performance.md is unchanged. Not measured yet: {', '.join(absent)}.")
    if drawn := any("eager" in row for one in comparison.rounds for row in one.values()):
        report.figure(comparison.rounds, about, (report.DOCS / "images" if args.docs else args.out) / "compare.png")
    link = "images/compare.png" if args.docs else "compare.png"
    text = section(comparison.rounds, about, command(args), link if drawn else None)
    (args.out / "compare.md").write_text(text + "\n", "utf-8")
    if args.docs:
        report.write_section("compare", text)
    print(text)
    if comparison.failures:
        sys.exit(missing)


if __name__ == "__main__":
    main()
