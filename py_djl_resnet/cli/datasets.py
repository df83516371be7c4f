"""The command ``datasets``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from .._plotting.chart import check_suffix
from ..checks import whole_number
from ..data_sheet import data_sheet
from ..datasets import available, download
from ..errors import SettingError, UsageError
from ..recipe import Recipe
from ..settings import SETTINGS
from .options import add_engine, print_json, print_result, start
from .output import print_table
from .settings import by_source

HELP = """List the data sets for training, download one, or describe one.

With show, prints the number of images of each class, and the mean and standard deviation of each channel. NAME is a
data set's name or folder:DIR."""
USAGE = "%(prog)s [OPTION ...] [show NAME|folder:DIR]"
EXAMPLES = (
    "datasets",
    "datasets --download cifar-10",
    "datasets show folder:photos --out photos.png",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("show", nargs="*", metavar="show NAME", help="describe a data set")
    shown = parser.add_argument_group("with show")
    shown.add_argument("--recipe", metavar="FILE.json|NAME", help="prepare images for this recipe (default: resnet18)")
    shown.add_argument(
        "--image-size", metavar="N", type=int, help="prepare images for N x N pixels (default: as the recipe does)"
    )
    shown.add_argument("--out", metavar="FILE", help="file for a contact sheet: .png, .svg or .pdf")
    shown.add_argument("--skip-bad", action="store_true", help="leave out images of a folder that cannot be decoded")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument(
        "--download", metavar="NAME", help="download a data set that is not part of the package, and print its folder"
    )
    parser.add_argument(
        "--data-dir", metavar="DIR", help="folder of the files, or of the download (default: the user's cache)"
    )
    add_engine(parser, device=False)
    parser.set_defaults(resume=None)


def run(options: Any) -> int:
    """Prints a table or JSON, or the folder of a download."""
    if options.show:
        return _show(options)
    for name in ("recipe", "image_size", "out", "skip_bad"):
        if getattr(options, name) not in (None, False):
            raise UsageError(f"--{name.replace('_', '-')} needs a data set to show: datasets show NAME.")
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
        raise UsageError("--data-dir needs --download or show NAME.")
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


def _show(options: Any) -> int:
    """Describes a data set."""
    if options.show[0] != "show" or len(options.show) != 2:
        raise UsageError(
            f"datasets takes no arguments but: show NAME. Received: {' '.join(options.show)}. For example: datasets "
            "show fashion-mnist."
        )
    if options.download is not None:
        raise UsageError("--download cannot be combined with show.")
    if options.out is not None:
        check_suffix(options.out)
    recipe = Recipe(model="resnet18") if options.recipe is None else Recipe.from_file(options.recipe)
    if options.image_size is not None:
        most = int(SETTINGS["image_size"].max)
        recipe = recipe.replace(image_size=whole_number(options.image_size, "--image-size", 1, most))
    # preparing images needs neither the recipe's engine nor its threads
    recipe = recipe.replace(engine="pytorch" if options.engine is None else options.engine, threads=None)
    start(options)
    try:
        sheet = data_sheet(options.show[1], recipe, data_dir=options.data_dir, skip_bad=options.skip_bad)
    except SettingError as error:
        raise by_source(error, options) from error
    print_result(sheet, options.json)
    if options.out is not None:
        sheet.plot(options.out)
        print(f"contact sheet: {options.out}", file=sys.stderr)
    return 0
