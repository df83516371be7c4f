"""Name what pictures show, with a trained network.

CHECKPOINT is a .safetensors file or a run folder, of which the best checkpoint is taken. A folder
stands for the pictures in it. Pictures are scaled to the size that the network was trained on.
"""

from __future__ import annotations

import argparse
from typing import Any

from ..evaluation import predict
from ..images import find_images
from ..models import checkpoint_file
from .options import add_engine, count, print_json, start

EXAMPLES = (
    "predict runs/mine shoe.png",
    "predict runs/mine photos/ --invert --top-k 1 --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a file or a run folder")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="picture files or folders")
    parser.add_argument("--top-k", type=count, default=3, metavar="N", help="classes for a picture (default: 3)")
    parser.add_argument(
        "--invert",
        action="store_true",
        help="for dark things on a light background (Fashion-MNIST's are light on dark)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    add_engine(parser)


def run(options: Any) -> int:
    """Prints a line a picture, or JSON."""
    file = checkpoint_file(options.checkpoint)
    find_images(options.images)
    start(options)
    predictions = predict(
        file,
        options.images,
        options.top_k,
        invert=options.invert,
        device=options.device,
        engine=options.engine,
    )
    if options.json:
        print_json([prediction.to_dict() for prediction in predictions])
    else:
        for prediction in predictions:
            print(prediction)
    return 0
