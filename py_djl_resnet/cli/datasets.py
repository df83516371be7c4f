"""List the data sets that networks can be trained on."""

from __future__ import annotations

import argparse
from typing import Any

from ..datasets import available
from ..summary import text_table
from .options import add_engine, print_json, start

EXAMPLES = ("datasets",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    add_engine(parser, device=False)


def run(options: Any) -> int:
    """Prints a table or JSON."""
    start(options)
    datasets = available(options.engine)
    if options.json:
        print_json(datasets)
        return 0
    rows = [("name", "picture", "classes", "train", "test", "what")]
    rows += [
        (
            dataset["name"],
            "x".join(map(str, dataset["shape"])),
            str(len(dataset["classes"])),
            f"{dataset['train']:,}",
            f"{dataset['test']:,}",
            dataset["description"],
        )
        for dataset in datasets
    ]
    print(text_table(rows, right=(2, 3, 4)))
    return 0
