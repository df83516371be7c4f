"""The command ``shattering``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .._plotting.chart import check_suffix
from ..shattering import row_text, shattered_gradients
from .options import add_engine, count, names, print_result, start, wholes, write_figure

HELP = """Measure how gradients correlate along a line between two images.

For networks at initialization, or for checkpoints: the autocorrelation of the gradient of a logit with respect to the
input, against that of white and of brown noise."""
USAGE = "%(prog)s [OPTION ...]"
EXAMPLES = (
    "shattering --models study-plain56,study-resnet56 --seeds 0,1,2",
    "shattering --checkpoint runs/plain,runs/residual --figure trained.svg",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    group = parser.add_argument_group("networks")
    group.add_argument("--models", type=names, default=[], metavar="NAME,...", help="networks at initialization")
    group.add_argument(
        "--checkpoint",
        type=names,
        default=[],
        metavar="FILE,...",
        help="checkpoints or run folders",
    )
    group.add_argument(
        "--seeds",
        type=wholes,
        default=[0, 1, 2],
        metavar="N,...",
        help="seeds of the initial weights and of the images (default: 0,1,2)",
    )
    group.add_argument("--points", type=count, default=256, metavar="N", help="points on the line (default: 256)")
    data = parser.add_argument_group("data")
    data.add_argument("--dataset", default="cifar-10", metavar="NAME", help="data set (default: cifar-10)")
    data.add_argument("--data-dir", metavar="DIR", help="folder of the data set's files (default: as in training)")
    output = parser.add_argument_group("output")
    output.add_argument(
        "--figure",
        default="shattering.png",
        metavar="FILE",
        help=".png, .svg or .pdf file for the figure, beside which the .csv is written (default: shattering.png)",
    )
    output.add_argument("--json", action="store_true", help="print JSON only")
    add_engine(parser)


def run(options: Any) -> int:
    """Prints a table or JSON, and writes the figure and its numbers."""
    check_suffix(options.figure)
    start(options)

    def report_row(row: dict[str, Any]) -> None:
        print(row_text(row), file=sys.stderr, flush=True)

    found = shattered_gradients(
        options.models,
        options.dataset,
        checkpoints=options.checkpoint,
        seeds=options.seeds,
        points=options.points,
        data_dir=options.data_dir,
        device=options.device,
        engine=options.engine,
        callback=report_row,
    )
    print_result(found, options.json)
    write_figure(found, Path(options.figure))
    return 0
