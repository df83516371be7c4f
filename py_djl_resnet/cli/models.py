"""List the networks that can be trained."""

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
            f"{model['parameters']:,}",
            f"{model['multiply_adds']:,}",
            ",".join(map(str, model["input"])),
            model["description"],
        )
        for model in models
    ]
    print(text_table(rows, right=(1, 2)))
    return 0
