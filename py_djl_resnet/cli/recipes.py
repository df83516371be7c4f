"""The command ``recipes``."""

from __future__ import annotations

import argparse
from typing import Any

from ..checks import nearest
from ..errors import UsageError
from ..recipe import Recipe, bundled_recipes, bundled_text, recipe_names
from .options import print_json
from .output import print_table

HELP = """List the bundled recipes with their accuracy and training time, or print one.

Accuracy is test accuracy after the last epoch, in percent: mean and standard deviation over n seeds. "with tta" is the
mean with test-time augmentation, as evaluate --tta computes it."""
USAGE = "%(prog)s [NAME] [OPTION ...]"
EXAMPLES = ("recipes", "recipes fashion-mnist-fast > mine.json", "train --recipe fashion-mnist-fast")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="print this recipe as a file to edit and train with")
    parser.add_argument("--json", action="store_true", help="print JSON only")


def run(options: Any) -> int:
    """Prints a table, JSON or a recipe."""
    if options.name is not None:
        names = recipe_names()
        if options.name not in names:
            near = nearest(options.name, names)
            raise UsageError(f"Unknown recipe. Received: {options.name!r}.{near} Allowed: {', '.join(names)}.")
        print(bundled_text(options.name), end="")
        return 0
    recipes = bundled_recipes()
    if options.json:
        print_json(recipes)
        return 0
    rows = [("name", "network", "data", "epochs", "accuracy", "with tta", "minutes", "n", "description")]
    for found in recipes:
        recipe, about = Recipe(**found["settings"]), found["about"]
        measured = [accuracy(about), with_tta(about), minutes(about), number(about["n"], "d")]
        settings = (recipe.model, recipe.dataset, str(recipe.epochs))
        rows.append((found["name"], *settings, *measured, about["summary"]))
    print_table(rows, right=(3, 4, 5, 6, 7))
    for found in recipes:
        if task := found["about"]["task"]:
            print(f"\n{found['name']} was measured on {task}.")
    machines: dict[str, list[str]] = {}
    for found in recipes:
        if machine := found["about"]["machine"]:
            machines.setdefault(machine, []).append(found["name"])
    for machine, names in machines.items():
        print(f"\n{', '.join(names)}: measured on {machine}.")
    return 0


def accuracy(about: dict[str, Any]) -> str:
    """Returns the accuracy with its standard deviation in percent."""
    return _spread(about["accuracy"], about["deviation"], 100, 2)


def with_tta(about: dict[str, Any]) -> str:
    """Returns the accuracy with test-time augmentation in percent, and its views."""
    mean = about["accuracy_with_tta"]
    return "-" if mean is None else f"{_spread(mean, about.get('deviation_with_tta'), 100, 2)} ({about['tta']})"


def minutes(about: dict[str, Any]) -> str:
    """Returns the training time with its standard deviation in minutes."""
    return _spread(about["minutes"], about.get("deviation_of_minutes"), 1, 1)


def _spread(mean: float | None, deviation: float | None, factor: int, digits: int) -> str:
    if mean is None:
        return "-"
    return f"{factor * mean:.{digits}f}" + ("" if deviation is None else f" ± {factor * deviation:.{digits}f}")


def number(value: float | None, form: str) -> str:
    """Returns a number, or a dash for one that was not measured."""
    return "-" if value is None else format(value, form)
