"""Hand a network on: to torchvision or timm, to DJL, or as ONNX.

CHECKPOINT is a .safetensors file or a run folder, of which the best checkpoint is taken. safetensors is what
torchvision's load_state_dict takes, strictly; djl a folder that DJL's Criteria and Predictor serve, with this package's
jar on the class path; onnx needs the extra [onnx].
"""

from __future__ import annotations

import argparse
from typing import Any

from ..models import checkpoint_file, load
from ..weights import FORMATS, IMAGENET, export
from .options import add_engine, count, start
from .report import network

EXAMPLES = (
    "export runs/mine --format safetensors --out mine.safetensors",
    "export runs/mine --format djl --out mine-djl",
    "export runs/mine --format onnx --fold --out mine.onnx",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a file or a run folder")
    parser.add_argument("--format", required=True, choices=FORMATS, help="what to write")
    parser.add_argument("--out", required=True, metavar="PATH", help="a file; for djl a folder that is not there yet")
    onnx = parser.add_argument_group("onnx")
    onnx.add_argument("--fold", action="store_true", help="make BatchNorm part of the convolutions before it")
    djl = parser.add_argument_group("djl")
    djl.add_argument("--image-size", type=count, metavar="N", help="(default: the size that it was trained on)")
    djl.add_argument(
        "--normalize",
        type=_numbers,
        metavar="imagenet|M,M,M,S,S,S",
        help="means and deviations of pictures in [0, 1] (default: none)",
    )
    add_engine(parser, device=False)


def run(options: Any) -> int:
    """Writes the file or folder."""
    file = checkpoint_file(options.checkpoint)
    start(options)
    with load(file, "cpu", options.engine) as model:
        export(
            model,
            options.out,
            options.format,
            fold=options.fold,
            image_size=options.image_size,
            normalize=options.normalize,
        )
        print(f"{network(model)}: {options.out}")
    return 0


def _numbers(text: str) -> tuple[float, ...]:
    if text == "imagenet":
        return IMAGENET
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be imagenet or six numbers; received {text!r}") from None
