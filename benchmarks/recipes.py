"""Measures what recipes reach: accuracy and minutes over several seeds, beside the same in eager PyTorch.

    python benchmarks/recipes.py fashion-mnist-fast --seeds 5 --torch-python PYTHON --write

For each seed, trains with ours and then with PyTorch (pytorch_recipe.py): the same network, recipe, data and
threads; then evaluates ours with the test-time augmentation that the recipe names. Minutes are those of training and
of the evaluation after each epoch. With --pytorch-seeds 2, PyTorch takes part for the first two seeds only. What a seed
reached lies in benchmarks/results, so that five seeds may take several days; it is not measured again. An interrupted
run of ours resumes from --out. A recipe that PyTorch would not follow in every setting is rejected first.
--write puts the figures into the recipe's file, then writes docs/recipes.md. Without --torch-python's torch, only ours
is measured.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import contenders
import pytorch_settings
import report

from py_djl_resnet import Recipe
from py_djl_resnet.recipe import bundled_text, recipe_names, settings_of

ROOT = Path(__file__).parent.parent
FILES = ROOT / "py_djl_resnet" / "recipes"
RESULTS = ROOT / "benchmarks" / "results"

DEFAULTS = asdict(Recipe())


@dataclass(frozen=True)
class Seed:
    """What one run reached.

    Args:
        accuracy: on the test data after the last epoch, from 0 to 1.
        minutes: of training and evaluation.
        versions: of the software that matters.
        machine: its processor and system.
        accuracy_with_tta: the same accuracy with the recipe's test-time augmentation; None in PyTorch.
    """

    accuracy: float
    minutes: float
    versions: str
    machine: str
    accuracy_with_tta: float | None = None


def reached(rows: Iterable[Mapping[str, Any]], versions: str) -> Seed:
    """Returns what the rows of all epochs say."""
    found = list(rows)
    seconds = sum(float(row["seconds"]) + float(row["validation_seconds"]) for row in found)
    last = found[-1]
    accuracy = float(last.get("test_average_accuracy") or last["test_accuracy"])
    return Seed(accuracy, seconds / 60, versions, report.processor())


def ours(args: argparse.Namespace, name: str, seed: int, record: dict[str, Any]) -> Seed:
    """Trains, or finishes an interrupted run; puts the complete recipe into the record."""
    folder = args.out / name / f"ours-{seed}"
    command = [sys.executable, "-m", "py_djl_resnet", "train", "--quiet", "--offline", "--resume", "auto"]
    command += ["--recipe", name, "--seed", str(seed), "--out", str(folder), "--threads", str(args.threads)]
    for option in ("epochs", "limit", "data_dir"):
        value = getattr(args, option)
        command += [f"--{option.replace('_', '-')}", str(value)] if value is not None else []
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    settings = json.loads((folder / "recipe.json").read_text("utf-8"))
    record["recipe"] = {key: settings[key] for key in DEFAULTS if key != "data_dir"}
    with open(folder / "metrics.csv", newline="") as stream:
        seed_reached = reached(csv.DictReader(stream), report.versions(settings["versions"]))
    return replace(seed_reached, accuracy_with_tta=with_tta(args, name, folder))


def with_tta(args: argparse.Namespace, name: str, folder: Path) -> float:
    """Evaluates the last weights with the recipe's test-time augmentation."""
    views = json.loads(bundled_text(name))["about"]["tta"]
    command = [sys.executable, "-m", "py_djl_resnet", "evaluate", str(folder / "last.safetensors"), "--tta", views]
    command += ["--precision", "auto", "--json"]
    command += ["--limit", str(args.limit)] if args.limit else []
    command += ["--data-dir", str(args.data_dir)] if args.data_dir else []
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(ended.stdout)["accuracy"])


def pytorch(args: argparse.Namespace, name: str, seed: int, record: dict[str, Any]) -> Seed:
    """Trains in PyTorch with the complete recipe of our run."""
    command = [args.torch_python, ROOT / "benchmarks" / "pytorch_recipe.py", "--threads", str(args.threads)]
    command += ["--data-dir", args.data_dir or contenders.FASHION_MNIST]
    given = json.dumps({"recipe": record["recipe"] | {"data_dir": None}, "defaults": DEFAULTS})
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"PyTorch failed: {ended.stderr.strip().splitlines()[-1]}")
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    return reached(rows, f"torch {rows[-1]['torch']}")


def measured(args: argparse.Namespace, name: str, seed: int, contender: str) -> Seed:
    """Returns what one of "ours" and "pytorch" reached with a seed, which is measured only once."""
    given = {key: getattr(args, key) for key in ("epochs", "limit") if getattr(args, key)}
    settings = settings_of(name) | given
    file = (args.out if given else RESULTS) / f"{name}-seed{seed}.json"
    record = json.loads(file.read_text("utf-8")) if file.exists() else {"settings": settings}
    if record["settings"] != settings:
        sys.exit(f"{file} was measured with other settings. Remove it to measure again.")
    if contender not in record:
        record[contender] = asdict({"ours": ours, "pytorch": pytorch}[contender](args, name, seed, record))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return Seed(**record[contender])


def deviation(values: list[float], digits: int) -> float | None:
    """Returns the sample standard deviation of several values."""
    return round(statistics.stdev(values), digits) if len(values) > 1 else None


def figures(found: Mapping[str, list[Seed]]) -> dict[str, Any]:
    """Returns what a recipe's ``about`` holds of its measurement."""
    mine, other = found["ours"], found["pytorch"]
    accuracies = [seed.accuracy for seed in mine]
    minutes = [seed.minutes for seed in mine]
    views = [seed.accuracy_with_tta for seed in mine if seed.accuracy_with_tta is not None]
    every = [seed for seeds in found.values() for seed in seeds]
    machines = " and ".join(dict.fromkeys(seed.machine for seed in every))
    versions = ", ".join(dict.fromkeys(seed.versions for seed in every))
    return {
        "accuracy": round(statistics.mean(accuracies), 5),
        "accuracy_with_tta": round(statistics.mean(views), 5) if views else None,
        "deviation": deviation(accuracies, 5),
        "deviation_with_tta": deviation(views, 5),
        "minutes": round(statistics.mean(minutes), 2),
        "deviation_of_minutes": deviation(minutes, 2),
        "n": len(mine),
        "machine": f"{machines}; {versions}",
        "pytorch_accuracy": round(statistics.mean(seed.accuracy for seed in other), 5) if other else None,
        "pytorch_minutes": round(statistics.mean(seed.minutes for seed in other), 2) if other else None,
        "pytorch_n": len(other) or None,
    }


def write(name: str, measured: Mapping[str, Any]) -> None:
    """Puts figures into a recipe's file."""
    file = FILES / f"{name}.json"
    recipe = json.loads(file.read_text("utf-8"))
    recipe["about"] |= measured
    file.write_text(json.dumps(recipe, indent=2, ensure_ascii=False) + "\n", "utf-8")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+", choices=recipe_names(), metavar="RECIPE")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pytorch-seeds", type=int, help="seeds for PyTorch (default: as many)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--data-dir", type=Path, help="folder of the data set's files (default: those in the package)")
    parser.add_argument("--epochs", type=int, help="for a try: fewer epochs")
    parser.add_argument("--limit", type=int, help="for a try: fewer examples")
    parser.add_argument(
        "--torch-python", type=Path, default=Path(sys.executable), help="Python that has torch (default: this one)"
    )
    parser.add_argument("--out", type=Path, default=Path("target/recipes"))
    parser.add_argument("--write", action="store_true", help="write the figures into recipes and docs")
    args = parser.parse_args(arguments)
    if args.write and (args.epochs or args.limit):
        parser.error("--write needs the whole recipe. Omit --epochs and --limit.")
    return args


def main() -> None:
    args = parse()
    args.out = args.out.absolute()
    has_torch = contenders.has_torch(args.torch_python)
    if not has_torch:
        print(f"{args.torch_python} has no torch, so PyTorch is skipped. See --torch-python.", file=sys.stderr)
    elif args.pytorch_seeds != 0:
        for name in args.recipes:
            pytorch_settings.check(DEFAULTS | settings_of(name), DEFAULTS, name)
    for name in args.recipes:
        found: dict[str, list[Seed]] = {"ours": [], "pytorch": []}
        for seed in range(args.seeds):
            for contender in found:
                beyond = args.pytorch_seeds is not None and seed >= args.pytorch_seeds
                if contender == "pytorch" and (beyond or not has_torch):
                    continue
                found[contender].append(measured(args, name, seed, contender))
                one = found[contender][-1]
                line = f"{name}, {contender}, seed {seed}: {100 * one.accuracy:.2f} %, {one.minutes:.1f} minutes"
                print(line, file=sys.stderr, flush=True)
        summary = figures(found)
        print(json.dumps({name: summary}, indent=1))
        if args.write:
            write(name, summary)
    if args.write:
        subprocess.run([sys.executable, ROOT / "tools" / "recipes_page.py"], check=True)


if __name__ == "__main__":
    main()
