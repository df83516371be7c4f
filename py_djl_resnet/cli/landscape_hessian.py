"""The command ``landscape hessian``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .._landscape.hessian import STEP, loss_hessian
from ..models import checkpoint_file
from .landscape_options import add_examples
from .options import add_checkpoint, add_engine, count, print_result, real, start, whole

HELP = """Measure the curvature of a network's loss: the outermost eigenvalues of its Hessian, and its trace.

The loss is the cross-entropy in evaluation mode, as a function of all trained parameters. Repeat a command with --out
to resume it."""
USAGE = "%(prog)s [OPTION ...] CHECKPOINT"
EXAMPLES = (
    "landscape hessian runs/mine --out curvature",
    "landscape hessian runs/mine --examples 5000 --samples 100 --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    add_checkpoint(parser)
    parser.add_argument("--out", metavar="DIR", help="folder for hessian.json, and to resume (default: none)")
    method = parser.add_argument_group("method")
    method.add_argument(
        "--iterations",
        type=count,
        default=100,
        metavar="N",
        help="largest number of products for the eigenvalues (default: 100)",
    )
    method.add_argument(
        "--tolerance",
        type=real,
        default=0.01,
        metavar="X",
        help="residual of an eigenvalue, relative to it, to stop at (default: 0.01)",
    )
    method.add_argument(
        "--samples", type=count, default=30, metavar="N", help="number of products for the trace (default: 30)"
    )
    method.add_argument(
        "--step",
        type=real,
        default=STEP,
        metavar="X",
        help=f"step of the differences, relative to the weights (default: {STEP:g})",
    )
    method.add_argument("--seed", type=whole, default=0, metavar="N", help="seed of examples and vectors (default: 0)")
    add_examples(parser)
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    add_engine(parser)


def run(options: Any) -> int:
    """Prints a table or JSON."""
    file = checkpoint_file(options.checkpoint)
    start(options)
    hessian = loss_hessian(
        file,
        options.dataset,
        out=options.out,
        data_dir=options.data_dir,
        examples=options.examples,
        split=options.split,
        iterations=options.iterations,
        tolerance=options.tolerance,
        samples=options.samples,
        step=options.step,
        seed=options.seed,
        batch_size=options.batch_size,
        preprocessing=options.preprocessing,
        device=options.device,
        engine=options.engine,
        progress=not options.quiet,
    )
    print_result(hessian, options.json)
    if options.out is not None:
        print(f"results: {Path(options.out) / 'hessian.json'}", file=sys.stderr)
    return 0
