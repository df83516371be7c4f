"""Block ablation: evaluate a trained network without each residual block.

CHECKPOINT is a .safetensors file or a run folder, of which the best checkpoint is taken. Each block in turn is left
out, its shortcut kept. The figure and a table, as a .csv file beside it, are written into the run folder's figures
unless --figure names another place.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .._plotting.figures import check_suffix
from ..bypass import bypass_costs, write_csv
from ..models import checkpoint_file
from .options import add_engine, add_preprocessing, count, print_json, start

EXAMPLES = (
    "bypass runs/mine",
    "bypass runs/mine --limit 1000 --figure bypass.svg",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a file or a run folder")
    data = parser.add_argument_group("data")
    data.add_argument("--dataset", metavar="NAME", help="(default: the one that it was trained on)")
    data.add_argument("--data-dir", metavar="DIR", help="the data set's files (default: as in the training)")
    data.add_argument("--limit", type=count, metavar="N", help="use at most N examples (default: all)")
    data.add_argument("--batch-size", type=count, default=256, metavar="N", help="(default: 256)")
    add_preprocessing(data)
    output = parser.add_argument_group("what comes out")
    output.add_argument(
        "--figure",
        metavar="FILE",
        help="a .png, .svg or .pdf file (default: figures/bypass.png in the checkpoint's run folder)",
    )
    output.add_argument("--json", action="store_true", help="print JSON and nothing else")
    add_engine(parser)


def run(options: Any) -> int:
    """Prints a table or JSON, and writes the figure and the table."""
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
    if options.json:
        print_json(costs.to_dict())
    else:
        print(costs)
    figure = None if options.figure is None else Path(options.figure)
    if figure is None and (file.parent / "recipe.json").is_file():
        figure = file.parent / "figures" / "bypass.png"
    if figure is not None:
        costs.plot(figure)
        write_csv(costs, figure.with_suffix(".csv"))
        print(f"figure: {figure}", file=sys.stderr)
        print(f"table: {figure.with_suffix('.csv')}", file=sys.stderr)
    return 0
