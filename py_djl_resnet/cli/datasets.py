"""List the data sets that networks can be trained on, or fetch one."""

from __future__ import annotations

import argparse
from typing import Any

from ..datasets import available, download
from ..errors import UsageError
from ..summary import text_table
from .options import add_engine, print_json, start

EXAMPLES = ("datasets", "datasets --download cifar-10")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--download", metavar="NAME", help="fetch a data set that does not come with this package")
    parser.add_argument("--data-dir", metavar="DIR", help="where to put it (default: a folder of its own)")
    add_engine(parser, device=False)


def run(options: Any) -> int:
    """Prints a table or JSON; or the folder of what was fetched."""
    if options.download is not None:
        folder = str(download(options.download, options.data_dir))
        if options.json:
            print_json({"folder": folder})
        else:
            print(folder)
        return 0
    if options.data_dir is not None:
        raise UsageError("--data-dir goes with --download")
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
