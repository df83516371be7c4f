"""The command ``landscape trajectory``."""

from __future__ import annotations

import argparse
from typing import Any

from .._landscape.paths import kept_checkpoints, loss_trajectory
from .landscape_options import add_examples, add_statistics, grid, show, span
from .options import add_engine, add_precision, add_raw, start, whole

HELP = """Measure the loss around the path of a run.

The plane is that of the two main directions of the run's kept checkpoints, which train --keep N writes. Repeat a
command to resume it."""
USAGE = "%(prog)s [OPTION ...] RUN --out DIR"
EXAMPLES = (
    "landscape trajectory runs/mine --out path",
    "landscape trajectory runs/mine --out path --grid 41,31 --examples 2000",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("folder", metavar="RUN", help="folder of a run that was trained with --keep")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="folder for landscape.json, points.csv, trajectory.csv and figures"
    )
    points = parser.add_argument_group("points")
    points.add_argument(
        "--grid", type=grid, default=25, metavar="N[,M]", help="points along x and y, or both (default: 25)"
    )
    points.add_argument(
        "--range",
        type=span,
        metavar="A,B[,C,D]",
        help="first and last coordinate of x and y, or both (default: the path with a margin)",
    )
    data = add_examples(parser)
    add_statistics(data, "along the path, or those of the examples at each point")
    add_precision(data)
    data.add_argument("--seed", type=whole, default=0, metavar="N", help="seed of the examples (default: 0)")
    add_raw(data)
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    add_engine(parser)


def run(options: Any) -> int:
    """Measures the points that are missing."""
    kept_checkpoints(options.folder)
    start(options)
    surface = loss_trajectory(
        options.folder,
        options.dataset,
        out=options.out,
        data_dir=options.data_dir,
        grid=options.grid,
        ranges=options.range,
        examples=options.examples,
        split=options.split,
        batch_norm=options.batch_norm,
        seed=options.seed,
        batch_size=options.batch_size,
        preprocessing=options.preprocessing,
        precision=options.precision,
        raw=options.raw,
        device=options.device,
        engine=options.engine,
        progress=not options.quiet,
    )
    show(surface)
    shares = " and ".join(f"{100 * share:.1f} %" for share in surface.info["explained"])
    print(f"\nThe directions explain {shares} of the squared distances to the last checkpoint.")
    return 0
