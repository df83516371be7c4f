"""The command ``export``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..checks import checked_path
from ..errors import UsageError
from ..models import checkpoint_file, load
from ..weights import FORMATS, exported_files, require_new
from .options import add_engine, add_preprocessing, add_raw, start
from .output import network

HELP = """Export a network for torchvision, timm or DJL, or as ONNX.

CHECKPOINT is a .safetensors file or a run folder, whose best checkpoint is used. torchvision's own networks load a
safetensors export with load_state_dict in strict mode. DJL's Criteria and Predictor serve a djl export if this
package's jar is on the class path. The format onnx needs the extra [onnx]; for an autoencoder and --out a.onnx, it
writes a-encoder.onnx and a-decoder.onnx."""
EXAMPLES = (
    "export runs/mine --format safetensors --out mine.safetensors",
    "export runs/mine --format djl --out mine-djl",
    "export runs/mine --format onnx --with-preprocessing --out mine.onnx",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a file or a run folder")
    parser.add_argument("--format", required=True, choices=FORMATS, help="the format to write")
    parser.add_argument("--out", required=True, metavar="PATH", help="new output file; for djl, a new folder")
    add_preprocessing(parser)
    add_raw(parser)
    parser.add_argument(
        "--with-preprocessing",
        action="store_true",
        help="for onnx: include the preprocessing, so that the input is uint8 images",
    )
    add_engine(parser, device=False)


def run(options: Any) -> int:
    """Writes the file or folder."""
    if options.with_preprocessing and options.format != "onnx":
        raise UsageError("--with-preprocessing needs --format onnx.")
    if options.preprocessing is not None and options.format != "djl" and not options.with_preprocessing:
        raise UsageError("--preprocessing needs --format djl, or --format onnx with --with-preprocessing.")
    checked_path(options.out, "--out")
    if options.format != "djl":
        require_new(options.out)
    file = checkpoint_file(options.checkpoint)
    start(options)
    with load(file, "cpu", options.engine, raw=options.raw) as model:
        files = exported_files(model.info, Path(options.out), options.format)
        if model.is_autoencoder and options.format != "djl":
            for written in files:
                require_new(str(written))
        model.export(
            options.out,
            options.format,
            with_preprocessing=options.with_preprocessing,
            preprocessing=options.preprocessing,
        )
        print(f"{network(model)}: {', '.join(map(str, files))}")
    return 0
