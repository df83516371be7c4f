"""The command ``landscape surface``."""

from __future__ import annotations

import argparse
from typing import Any

from .._landscape.options import NORMALIZATIONS
from .._landscape.surface import loss_surface
from ..models import checkpoint_file
from .landscape_options import add_examples, add_statistics, grid, show, span
from .options import add_checkpoint, add_engine, add_precision, count, start, whole

HELP = """Measure loss and accuracy on a grid of points around a network's weights.

Repeat a command to resume it; several processes may work on one folder at once. See docs/landscape.md."""
USAGE = "%(prog)s [OPTION ...] CHECKPOINT --out DIR"
EXAMPLES = (
    "landscape runs/mine --out surface",
    "landscape runs/mine --out line --1d --grid 101 --range -0.5,1.5",
    "landscape runs/mine --out bands --grid 25 --directions 3",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    add_checkpoint(parser)
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="folder for landscape.json, points.csv and the figures"
    )
    points = parser.add_argument_group("points")
    which = points.add_mutually_exclusive_group()
    which.add_argument("--2d", dest="dimensions", action="store_const", const=2, help="a plane (default)")
    which.add_argument("--1d", dest="dimensions", action="store_const", const=1, help="a line")
    parser.set_defaults(dimensions=2)
    points.add_argument(
        "--grid", type=grid, default=51, metavar="N[,M]", help="points along x and y, or both (default: 51)"
    )
    points.add_argument(
        "--range",
        type=span,
        default=(-1.0, 1.0),
        metavar="A,B[,C,D]",
        help="first and last coordinate of x and y, or both (default: -1,1)",
    )
    directions = parser.add_argument_group("directions")
    directions.add_argument(
        "--normalize",
        choices=NORMALIZATIONS,
        default="filter",
        help="what of a random direction is scaled to the weights (default: filter)",
    )
    directions.add_argument(
        "--include-bias-and-norm",
        action="store_true",
        help="move biases and batch normalization too, not only tensors of several dimensions",
    )
    directions.add_argument(
        "--directions", type=count, default=1, metavar="K", help="measure K surfaces, each over new directions"
    )
    directions.add_argument(
        "--seed", type=whole, default=0, metavar="N", help="seed of directions and examples (default: 0)"
    )
    data = add_examples(parser)
    add_statistics(data, "those of the checkpoint, or of the examples at each point")
    add_precision(data)
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    add_engine(parser)


def run(options: Any) -> int:
    """Measures the points that are missing."""
    file = checkpoint_file(options.checkpoint)
    start(options)
    surface = loss_surface(
        file,
        options.dataset,
        out=options.out,
        data_dir=options.data_dir,
        dimensions=options.dimensions,
        grid=options.grid,
        ranges=options.range,
        normalize=options.normalize,
        include_bias_and_norm=options.include_bias_and_norm,
        examples=options.examples,
        split=options.split,
        batch_norm=options.batch_norm,
        seed=options.seed,
        directions=options.directions,
        batch_size=options.batch_size,
        preprocessing=options.preprocessing,
        precision=options.precision,
        device=options.device,
        engine=options.engine,
        progress=not options.quiet,
    )
    show(surface)
    return 0
