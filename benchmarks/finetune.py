"""Measures the recipe `finetune`: two classes of CIFAR-10, from weights trained on the other eight.

    python benchmarks/finetune.py --cifar DIR --seeds 5 --write

DIR has CIFAR-10 as images, DIR/{train,test}/CLASS/*. For each pair of classes, makes a folder of the eight other
classes and one of the two (links), and trains --model on the eight. Then, for each seed, gives the network a new last
layer and trains it on the two with `train --recipe finetune`. Accuracy is that of the two classes' 2,000 test images
after the last epoch; minutes are those of the whole `train` command. A pair or seed that is in --out is not repeated.

The pairs are the first two classes, which were chosen before anything was measured, and the two that are hardest to
tell apart. --write puts the figures of the first pair into the recipe's file and names the others beside them, then
writes docs/recipes.md. To choose settings, use --validation: a fifth of the two classes' training images is held out,
and the test images are not looked at.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import recipes
import report

PAIRS = ("airplane,automobile", "cat,dog")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "py_djl_resnet", *map(str, arguments)]


def run(arguments: Sequence[str]) -> None:
    """Runs a command and shows what it prints if it fails."""
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(arguments[2:])}\n{ended.stderr.strip()}")


def make_folders(cifar: Path, pair: Sequence[str], place: Path, *, validation: bool) -> None:
    """Makes the folders ``eight`` and ``two`` of links to classes; for validation, ``two`` has no test images."""
    names = sorted(entry.name for entry in (cifar / "train").iterdir() if entry.is_dir())
    if unknown := [name for name in pair if name not in names]:
        sys.exit(f"{cifar} has no class {unknown[0]}. Allowed: {', '.join(names)}.")
    for name in names:
        for part in ("train", "test"):
            if name not in pair:
                link = place / "eight" / part / name
            elif not validation:
                link = place / "two" / part / name
            elif part == "train":
                link = place / "validation" / "two" / name
            else:
                continue
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(cifar / part / name, target_is_directory=True)


def pretrain(args: argparse.Namespace, place: Path) -> Path:
    """Trains on eight classes, or resumes, and returns the checkpoint."""
    folder = place / "pretrained"
    given = command("train", "--quiet", "--offline", "--resume", "auto", "--recipe", args.base, "--model", args.model)
    given += ["--dataset", f"folder:{place / 'eight'}", "--out", str(folder), "--threads", str(args.threads)]
    given += ["--epochs", str(args.epochs)] if args.epochs else []
    given += ["--limit", str(args.limit)] if args.limit else []
    run(given)
    return folder / "last.safetensors"


def finetune(args: argparse.Namespace, place: Path, weights: Path, seed: int) -> dict[str, Any]:
    """Trains on the two classes in `place`, unless it is done, and returns accuracy, minutes and versions."""
    folder = place / f"finetuned-{seed}"
    result = folder.with_suffix(".json")
    if result.exists():
        return dict(json.loads(result.read_text("utf-8")))
    start = place / f"start-{seed}.safetensors"
    for leftover in (folder, start):
        shutil.rmtree(folder, ignore_errors=True) if leftover.is_dir() else leftover.unlink(missing_ok=True)
    run(command("import", weights, "--model", args.model, "--new-head", 2, "--seed", seed, "--out", start))
    given = command("train", "--quiet", "--recipe", args.recipe, "--model", args.model, "--weights", start)
    given += ["--dataset", f"folder:{place / 'two'}", "--seed", str(seed), "--out", str(folder)]
    given += ["--threads", str(args.threads)]
    given += ["--limit", str(args.limit)] if args.limit else []
    given += ["--validation", "0.2"] if args.validation else []
    began = time.monotonic()
    run(given)
    minutes = (time.monotonic() - began) / 60
    with open(folder / "metrics.csv", newline="") as stream:
        last = list(csv.DictReader(stream))[-1]
    found = {
        "accuracy": float(last["validation_accuracy" if args.validation else "test_accuracy"]),
        "minutes": minutes,
        "versions": report.versions(json.loads((folder / "recipe.json").read_text("utf-8"))["versions"]),
        "machine": report.processor(),
    }
    result.write_text(json.dumps(found), "utf-8")
    return found


def task(model: str, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Returns what was measured, with the figures of all pairs but the first.

    Args:
        model: the network.
        found: the results of each pair, ``"one,another"``.
    """
    first, *others = (pair.replace(",", " and ") for pair in found)
    text = f"{first} of CIFAR-10, from {model} trained on the other 8 classes"
    for name, results in zip(others, list(found.values())[1:], strict=True):
        accuracies = [100 * result["accuracy"] for result in results]
        spread = f" ± {statistics.stdev(accuracies):.2f}" if len(accuracies) > 1 else ""
        text += f"; {name} reach {statistics.mean(accuracies):.2f}{spread} %"
    return text


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cifar", type=Path, required=True, metavar="DIR", help="CIFAR-10 as images")
    parser.add_argument(
        "--pairs", nargs="+", default=PAIRS, metavar="A,B", help=f"classes (default: {' '.join(PAIRS)})"
    )
    parser.add_argument("--model", default="fashion-net", help="network (default: fashion-net)")
    parser.add_argument(
        "--base", default="fashion-mnist-fast", help="recipe for the eight classes (default: fashion-mnist-fast)"
    )
    parser.add_argument("--recipe", default="finetune", help="recipe for the two, for a try (default: finetune)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--epochs", type=int, help="for a try: epochs on the eight classes")
    parser.add_argument("--limit", type=int, help="for a try: fewer examples")
    parser.add_argument("--validation", action="store_true", help="for a try: accuracy on held-out training images")
    parser.add_argument("--out", type=Path, default=Path("target/finetune"))
    parser.add_argument("--write", action="store_true", help="write the figures into the recipe and docs")
    args = parser.parse_args(arguments)
    if args.write and (args.epochs or args.limit or args.validation or args.recipe != "finetune"):
        parser.error("--write needs the whole measurement. Omit --epochs, --limit, --validation and --recipe.")
    return args


def main() -> None:
    args = parse()
    args.out = args.out.absolute()
    found: dict[str, list[dict[str, Any]]] = {}
    for pair in args.pairs:
        place = args.out / pair.replace(",", "-")
        make_folders(args.cifar.absolute(), pair.split(","), place, validation=args.validation)
        weights = pretrain(args, place)
        found[pair] = []
        for seed in range(args.seeds):
            one = finetune(args, place / "validation" if args.validation else place, weights, seed)
            found[pair].append(one)
            line = f"{pair}, seed {seed}: {100 * one['accuracy']:.2f} %, {one['minutes']:.2f} minutes"
            print(line, file=sys.stderr, flush=True)
    first = [recipes.Seed(**one) for one in next(iter(found.values()))]
    measured = recipes.figures({"ours": first, "pytorch": []}) | {"task": task(args.model, found)}
    print(json.dumps(measured, indent=1))
    if args.write:
        recipes.write("finetune", measured)
        subprocess.run([sys.executable, recipes.ROOT / "tools" / "recipes_page.py"], check=True)


if __name__ == "__main__":
    main()
