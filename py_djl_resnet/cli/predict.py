"""The command ``predict``."""

from __future__ import annotations

import argparse
from typing import Any

from .. import _preprocessing
from .._classification import classify
from ..checks import checked_path, checked_views
from ..images import find_images
from ..models import checkpoint_file, load
from .options import add_checkpoint, add_engine, add_preprocessing, add_raw, add_tta, count, print_json, start
from .output import fail

HELP = """Classify images.

Images are prepared as in training. If an image cannot be read, the command reports it, classifies the others, and exits
with code 1."""
USAGE = "%(prog)s [OPTION ...] CHECKPOINT IMAGE [IMAGE ...]"
EXAMPLES = (
    "predict runs/mine shoe.png",
    "predict runs/mine photos/ --invert --top-k 1 --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    add_checkpoint(parser)
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="image files, or folders of images")
    parser.add_argument("--top-k", type=count, default=3, metavar="N", help="classes to list per image (default: 3)")
    parser.add_argument(
        "--invert",
        action="store_true",
        help="swap light and dark, for dark-on-light images",
    )
    add_tta(parser)
    add_preprocessing(parser)
    add_raw(parser)
    parser.add_argument("--json", action="store_true", help="print JSON only")
    add_engine(parser)


def run(options: Any) -> int:
    """Prints a line per image, or JSON."""
    file = checkpoint_file(options.checkpoint)
    find_images([checked_path(image, "IMAGE") for image in options.images])
    _preprocessing.text(options.preprocessing)
    checked_views(options.tta)
    start(options)
    with load(file, options.device, options.engine, raw=options.raw) as network:
        predictions, problems = classify(
            network.handle,
            network.info,
            options.images,
            options.top_k,
            options.preprocessing,
            options.invert,
            options.tta,
        )
    if options.json:
        print_json([prediction.to_dict() for prediction in predictions])
    else:
        for prediction in predictions:
            print(prediction)
    for problem in problems:
        fail(problem)
    return 1 if problems else 0
