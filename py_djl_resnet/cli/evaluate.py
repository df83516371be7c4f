"""The command ``evaluate``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .._plotting.chart import check_suffix
from ..errors import ResnetError
from ..evaluation import evaluate
from ..models import checkpoint_file, load
from .options import (
    add_checkpoint,
    add_data,
    add_engine,
    add_precision,
    add_raw,
    add_tta,
    default_figure,
    names,
    print_result,
    start,
)
from .output import warn

HELP = """Evaluate a network on test data: loss, accuracy, precision and recall per class.

The data set and the preprocessing default to those used in training. For a run folder, the confusion matrix is written
to its figures/evaluation.png; with --limit, to evaluation-limit-N.png."""
USAGE = "%(prog)s [OPTION ...] CHECKPOINT"
EXAMPLES = (
    "evaluate runs/mine",
    "evaluate runs/mine/last.safetensors --limit 1000 --json",
    "evaluate runs/mine --bypass layer3.1,layer4.1",
    "evaluate runs/mine --tta flip,shift",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    add_checkpoint(parser)
    add_data(parser)
    parser.add_argument(
        "--bypass",
        type=names,
        default=[],
        metavar="BLOCK,...",
        help="skip residual blocks, such as layer3.1, and keep their shortcuts",
    )
    add_precision(parser)
    parser.add_argument(
        "--skip-bad", action="store_true", help="for folder:DIR: leave out images that cannot be decoded"
    )
    add_raw(parser)
    add_tta(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "--figure",
        metavar="FILE",
        help=".png, .svg or .pdf file for the confusion matrix (default: in the run folder, for the full network "
        "without --tta on the run's own data set)",
    )
    output.add_argument("--json", action="store_true", help="print JSON only")
    add_engine(parser)


def run(options: Any) -> int:
    """Prints the result and draws the confusion matrix."""
    if options.figure is not None:
        check_suffix(options.figure)
    file = checkpoint_file(options.checkpoint)
    start(options)
    with load(file, options.device, options.engine, raw=options.raw) as network:
        result = evaluate(
            network,
            options.dataset,
            data_dir=options.data_dir,
            limit=options.limit,
            batch_size=options.batch_size,
            bypass=options.bypass,
            preprocessing=options.preprocessing,
            precision=options.precision,
            tta=options.tta,
            skip_bad=options.skip_bad,
        )
    print_result(result, options.json)
    figure = options.figure or (
        None if options.bypass or options.raw or options.tta else default_figure(file, options, "evaluation")
    )
    if figure is not None:
        try:
            result.plot(Path(figure))
        except ResnetError as error:
            if options.figure is not None:
                raise
            warn(f"No figure: {error}")
        else:
            print(f"confusion matrix: {figure}", file=sys.stderr)
    return 0
