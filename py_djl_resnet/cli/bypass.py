"""The command ``bypass``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .._plotting.chart import check_suffix
from ..bypass import bypass_costs
from ..models import checkpoint_file
from .options import add_checkpoint, add_data, add_engine, default_figure, print_result, start, write_figure

HELP = """Block ablation: evaluate a network without each residual block.

Each block in turn is replaced by its shortcut. A bar chart and a .csv file with the same numbers are written to the
run folder's figures/, or to the path given by --figure."""
USAGE = "%(prog)s [OPTION ...] CHECKPOINT"
EXAMPLES = (
    "bypass runs/mine",
    "bypass runs/mine --limit 1000 --figure bypass.svg",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    add_checkpoint(parser)
    add_data(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "--figure",
        metavar="FILE",
        help=".png, .svg or .pdf file for the chart (default: in the run folder, for the run's own data set)",
    )
    output.add_argument("--json", action="store_true", help="print JSON only")
    add_engine(parser)


def run(options: Any) -> int:
    """Prints a table or JSON, and writes the figure and its numbers."""
    if options.figure is not None:
        check_suffix(options.figure)
    file = checkpoint_file(options.checkpoint)
    start(options)

    def report_row(row: dict[str, Any]) -> None:
        print(f"without {row['block']}: accuracy {row['accuracy']:.3f}", file=sys.stderr, flush=True)

    costs = bypass_costs(
        file,
        options.dataset,
        data_dir=options.data_dir,
        limit=options.limit,
        batch_size=options.batch_size,
        preprocessing=options.preprocessing,
        device=options.device,
        engine=options.engine,
        callback=report_row,
    )
    print_result(costs, options.json)
    figure = default_figure(file, options, "bypass") if options.figure is None else Path(options.figure)
    if figure is not None:
        write_figure(costs, figure)
    return 0
