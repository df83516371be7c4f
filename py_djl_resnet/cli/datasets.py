"""The command ``datasets``."""

from __future__ import annotations

import argparse
from typing import Any

from ..datasets import available, download
from ..errors import UsageError
from .options import add_engine, print_json, start
from .report import print_table

HELP = """List the data sets for training, or download one."""
EXAMPLES = ("datasets", "datasets --download cifar-10")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument(
        "--download", metavar="NAME", help="download a data set that is not part of the package, and print its folder"
    )
    parser.add_argument("--data-dir", metavar="DIR", help="folder for the download (default: the user's cache)")
    add_engine(parser, device=False)


def run(options: Any) -> int:
    """Prints a table or JSON, or the folder of a download."""
    if options.download is not None:
        if options.offline:
            raise UsageError("--download needs the network and cannot be used with --offline.")
        folder = str(download(options.download, options.data_dir))
        if options.json:
            print_json({"folder": folder})
        else:
            print(folder)
        return 0
    if options.data_dir is not None:
        raise UsageError("--data-dir needs --download.")
    start(options)
    datasets = available(options.engine)
    if options.json:
        print_json(datasets)
        return 0
    rows = [("name", "image", "classes", "train", "test", "description")]
    rows += [
        (
            dataset["name"],
            "x".join(map(str, dataset["shape"])) or "-",
            # 0 if it depends on the files
            *(f"{n:,}" if n else "-" for n in (len(dataset["classes"]), dataset["train"], dataset["test"])),
            dataset["description"],
        )
        for dataset in datasets
    ]
    print_table(rows, right=(2, 3, 4))
    return 0
