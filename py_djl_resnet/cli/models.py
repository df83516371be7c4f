"""List the networks that can be trained.

Options of a network follow its name after plus signs, as in resnet50+deep_stem+pooled_shortcut.
"""

from __future__ import annotations

import argparse
from typing import Any

from ..models import available
from ..summary import text_table
from .options import add_engine, print_json, start

EXAMPLES = ("models",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    add_engine(parser, device=False)


def run(options: Any) -> int:
    """Prints a table or JSON."""
    start(options)
    models = available(options.engine)
    if options.json:
        print_json(models)
        return 0
    rows = [("name", "parameters", "multiply-adds", "at input", "what")]
    rows += [
        (
            model["name"],
            f"{model['trainable_parameters']:,}",
            f"{model['multiply_adds']:,}",
            ",".join(map(str, model["input"])),
            model["description"],
        )
        for model in models
    ]
    print(text_table(rows, right=(1, 2)))
    print()
    table = [("options", "of")]
    for names, owners in _by_options(models).items():
        table.append((", ".join(names), ", ".join(owners)))
    print(text_table(table))
    return 0


def _by_options(models: list[dict[str, Any]]) -> dict[tuple[str, ...], list[str]]:
    """The networks that have options, by what these are."""
    found: dict[tuple[str, ...], list[str]] = {}
    for model in models:
        if model["options"]:
            found.setdefault(tuple(model["options"]), []).append(model["name"])
    return found
