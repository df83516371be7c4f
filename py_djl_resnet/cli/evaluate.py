"""Evaluate a trained network on test data: loss, accuracy, precision and recall of each class.

CHECKPOINT is a .safetensors file or a run folder, of which the best checkpoint is taken. Data set and preprocessing are
those of the training unless others are given.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .._plotting.figures import check_suffix
from ..errors import UsageError
from ..evaluation import evaluate
from ..models import checkpoint_file
from .options import add_engine, add_preprocessing, count, names, print_json, start
from .report import warn

EXAMPLES = (
    "evaluate runs/mine",
    "evaluate runs/mine/last.safetensors --limit 1000 --json",
    "evaluate runs/mine --bypass layer3.1,layer4.1",
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
    parser.add_argument(
        "--bypass",
        type=names,
        default=[],
        metavar="BLOCK,...",
        help="skip residual blocks, such as layer3.2, and keep their shortcuts only",
    )
    output = parser.add_argument_group("what comes out")
    output.add_argument(
        "--figure",
        metavar="FILE",
        help="write the confusion matrix to a .png, .svg or .pdf file "
        "(default: figures/confusion.png in the checkpoint's run folder; none with --bypass)",
    )
    output.add_argument("--json", action="store_true", help="print JSON and nothing else")
    add_engine(parser)


def run(options: Any) -> int:
    """Prints the figures and writes the confusion matrix."""
    if options.figure is not None:
        check_suffix(options.figure)
    file = checkpoint_file(options.checkpoint)
    start(options)
    result = evaluate(
        file,
        options.dataset,
        data_dir=options.data_dir,
        limit=options.limit,
        batch_size=options.batch_size,
        bypass=options.bypass,
        preprocessing=options.preprocessing,
        device=options.device,
        engine=options.engine,
    )
    if options.json:
        print_json(result.to_dict())
    else:
        print(result)
    figure = options.figure
    if figure is None and not options.bypass and (file.parent / "recipe.json").is_file():
        figure = file.parent / "figures" / "confusion.png"
    if figure is not None:
        try:
            result.plot(Path(figure))
        except UsageError as error:
            if options.figure is not None:
                raise
            warn(f"no figure: {error}")
        else:
            print(f"confusion matrix: {figure}", file=sys.stderr)
    return 0
