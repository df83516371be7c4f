"""The command ``landscape interpolate``."""

from __future__ import annotations

import argparse
from typing import Any

from .._landscape.paths import interpolate_loss
from ..models import checkpoint_file
from .landscape_options import add_examples, add_statistics, show, span
from .options import add_engine, add_precision, start, whole

HELP = """Measure loss and accuracy on the line through two networks.

Both must be of the same kind, such as two runs from different seeds. Repeat a command to resume it."""
USAGE = "%(prog)s [OPTION ...] A B --out DIR"
EXAMPLES = (
    "landscape interpolate runs/seed0 runs/seed1 --out line",
    "landscape interpolate runs/a/epoch-0001.safetensors runs/a --out line --grid 21 --range 0,1",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    for name, place in (("a", "0"), ("b", "1")):
        parser.add_argument(
            name, metavar=name.upper(), help=f"network at x = {place}: a .safetensors file, or a run folder"
        )
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="folder for landscape.json, points.csv and the figures"
    )
    points = parser.add_argument_group("points")
    points.add_argument("--grid", type=whole, default=41, metavar="N", help="points on the line (default: 41)")
    points.add_argument(
        "--range", type=span, default=(-0.5, 1.5), metavar="A,B", help="first and last x (default: -0.5,1.5)"
    )
    data = add_examples(parser)
    add_statistics(data, "interpolated, or those of the examples at each point")
    add_precision(data)
    data.add_argument("--seed", type=whole, default=0, metavar="N", help="seed of the examples (default: 0)")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    add_engine(parser)


def run(options: Any) -> int:
    """Measures the points that are missing."""
    first, second = checkpoint_file(options.a), checkpoint_file(options.b)
    start(options)
    line = interpolate_loss(
        first,
        second,
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
        device=options.device,
        engine=options.engine,
        progress=not options.quiet,
    )
    show(line)
    return 0
