"""Classify images with a trained network.

CHECKPOINT is a .safetensors file or a run folder, of which the best checkpoint is taken. A folder stands for the images
in it. Images are prepared as in the training. One that cannot be read is reported, the others are classified, and the
exit code is 1.
"""

from __future__ import annotations

import argparse
from typing import Any

from .. import _preprocessing
from ..images import find_images
from ..models import checkpoint_file
from ..prediction import predictions_and_problems
from .options import add_engine, add_preprocessing, count, print_json, start
from .report import report

EXAMPLES = (
    "predict runs/mine shoe.png",
    "predict runs/mine photos/ --invert --top-k 1 --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a file or a run folder")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="image files or folders")
    parser.add_argument("--top-k", type=count, default=3, metavar="N", help="classes for an image (default: 3)")
    parser.add_argument(
        "--invert",
        action="store_true",
        help="for dark things on a light background (Fashion-MNIST's are light on dark)",
    )
    add_preprocessing(parser)
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    add_engine(parser)


def run(options: Any) -> int:
    """Prints a line an image, or JSON."""
    file = checkpoint_file(options.checkpoint)
    find_images(options.images)
    _preprocessing.text(options.preprocessing)
    start(options)
    predictions, problems = predictions_and_problems(
        file,
        options.images,
        options.top_k,
        options.preprocessing,
        options.invert,
        options.device,
        options.engine,
    )
    if options.json:
        print_json([prediction.to_dict() for prediction in predictions])
    else:
        for prediction in predictions:
            print(prediction)
    for problem in problems:
        report(f"error: {problem}")
    return 1 if problems else 0
