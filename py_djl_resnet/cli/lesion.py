"""The command ``lesion``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .._plotting.chart import check_suffix
from ..lesion import DELETE, SHUFFLE, lesions, row_text
from ..models import checkpoint_file
from .options import (
    add_checkpoint,
    add_data,
    add_engine,
    count,
    default_figure,
    print_result,
    start,
    whole,
    write_figure,
)

HELP = """Lesions: evaluate a network without blocks, and with blocks in another order.

Each block is left out in turn; then random blocks are left out, and random pairs of equal blocks swapped, several
times each. In a plain network, blocks that keep the shape are left out. A figure and a .csv file with all draws are
written to the run folder's figures/, or to the path given by --figure."""
USAGE = "%(prog)s [OPTION ...] CHECKPOINT"
EXAMPLES = (
    "lesion runs/mine",
    "lesion runs/mine --delete 1,2,3,5 --shuffle 1,5,10 --draws 10 --limit 1000",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    add_checkpoint(parser)
    lesion = parser.add_argument_group("lesions")
    lesion.add_argument(
        "--delete",
        type=_counts,
        metavar="N,...",
        help=f"numbers of random blocks to leave out (default: {_shown(DELETE)}, as far as there are as many)",
    )
    lesion.add_argument(
        "--shuffle",
        type=_counts,
        metavar="N,...",
        help=f"numbers of random swaps of equal blocks (default: {_shown(SHUFFLE)})",
    )
    lesion.add_argument("--draws", type=count, default=10, metavar="N", help="draws of each number (default: 10)")
    lesion.add_argument("--seed", type=whole, default=0, metavar="N", help="seed of the draws (default: 0)")
    add_data(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "--figure",
        metavar="FILE",
        help=".png, .svg or .pdf file for the figure (default: in the run folder, for the run's own data set)",
    )
    output.add_argument("--json", action="store_true", help="print JSON only")
    add_engine(parser)


def _counts(text: str) -> list[int]:
    return [count(part) for part in text.split(",")]


def _shown(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


def run(options: Any) -> int:
    """Prints a table or JSON, and writes the figure and its numbers."""
    if options.figure is not None:
        check_suffix(options.figure)
    file = checkpoint_file(options.checkpoint)
    start(options)

    def report_row(row: dict[str, Any]) -> None:
        print(row_text(row), file=sys.stderr, flush=True)

    found = lesions(
        file,
        options.dataset,
        delete=options.delete,
        shuffle=options.shuffle,
        draws=options.draws,
        seed=options.seed,
        data_dir=options.data_dir,
        limit=options.limit,
        batch_size=options.batch_size,
        preprocessing=options.preprocessing,
        device=options.device,
        engine=options.engine,
        callback=report_row,
    )
    print_result(found, options.json)
    figure = default_figure(file, options, "lesion") if options.figure is None else Path(options.figure)
    if figure is not None:
        write_figure(found, figure)
    return 0
