"""The command ``models``."""

from __future__ import annotations

import argparse
from typing import Any

from ..models import available
from .options import add_engine, print_json, start
from .output import print_table

HELP = """List the networks that can be trained.

A variant is a name with options after plus signs, such as resnet50+deep_stem+pooled_shortcut."""
EXAMPLES = ("models", "models --json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("--json", action="store_true", help="print JSON only")
    add_engine(parser, device=False)


def run(options: Any) -> int:
    """Prints a table or JSON."""
    start(options)
    models = available(options.engine)
    if options.json:
        print_json(models)
        return 0
    rows = [("name", "parameters", "multiply-adds", "input", "description")]
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
    print_table(rows, right=(1, 2))
    print()
    owners: dict[tuple[str, ...], list[str]] = {}
    for model in models:
        if model["options"]:
            owners.setdefault(tuple(model["options"]), []).append(model["name"])
    print_table([("options", "networks"), *((", ".join(names), ", ".join(owners[names])) for names in owners)])
    return 0
