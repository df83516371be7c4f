"""The command ``import``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .._checkpoint import require_no_run
from .._preprocessing import described
from ..errors import UsageError
from ..models import Model, create_model
from ..weights import require_writable
from .options import add_engine, add_preprocessing, count, print_json, start, whole
from .report import network

HELP = """Import weights of torchvision or timm: make a checkpoint of a file of theirs.

FILE is a state dict: .safetensors, or .pth and .pt, which torch reads weights-only in a process of its own (extra
[torch]). Its tensors must be those of the network; a prefix module., num_batches_tracked and other floating-point
types than float32 are supported. How images are prepared comes from timm's config.json beside the file, else is
torchvision's for torchvision's networks; for others give --preprocessing."""
EXAMPLES = (
    "import resnet50.safetensors --model resnet50 --out resnet50-imagenet.safetensors",
    "import resnet18.pth --model resnet18 --new-head 10 --out start.safetensors",
)

#: Where a preprocessing is from, in Java's words and ours.
_SOURCES = {
    "given": "as given",
    "file": "as the file records it",
    "timm": "of timm's config.json",
    "torchvision": "torchvision's",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("file", metavar="FILE", help="a .safetensors, .pth or .pt file")
    parser.add_argument("--model", required=True, metavar="NAME", help="the network, see the command models")
    parser.add_argument("--out", required=True, metavar="CHECKPOINT", help="the .safetensors file to write")
    add_preprocessing(parser, "what is known of the file")
    head = parser.add_argument_group("the last layer")
    head.add_argument("--new-head", type=count, metavar="CLASSES", help="leave the file's out for a fresh one")
    head.add_argument("--seed", type=whole, default=0, metavar="N", help="of the fresh one (default: 0)")
    head.add_argument("--class-names", metavar="FILE", help="a text file, a class a line (default: numbers)")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    add_engine(parser, device=False)


def run(options: Any) -> int:
    """Writes the checkpoint; prints what was taken and what is new."""
    out = Path(options.out)
    if out.exists() and Path(options.file).exists() and out.samefile(options.file):
        raise UsageError(f"--out is the file that is read, {options.file}; give another")
    require_writable(out)
    require_no_run(out)
    names = None if options.class_names is None else _lines(options.class_names)
    start(options)
    with create_model(
        options.model,
        classes=options.new_head,
        seed=options.seed,
        device="cpu",
        engine=options.engine,
        weights=options.file,
        new_head=options.new_head is not None,
        class_names=names,
        preprocessing=options.preprocessing,
    ) as model:
        model.save(options.out)
        if options.json:
            print_json(model.info)
        else:
            print("\n".join(_report(model, options.file)))
            print(f"checkpoint: {options.out}")
    return 0


def _report(model: Model, file: str) -> list[str]:
    told = model.info["import"]
    lines = [
        network(model),
        f"taken: {len(told['taken'])} tensors of {file}",
    ]
    if told["prefix"]:
        lines.append(f"prefix taken from the names: {told['prefix']}")
    lines += [f"converted to float32: {number} tensors of {kind}" for kind, number in told["converted"].items()]
    if told["new"]:
        lines.append(f"new: {', '.join(told['new'])}; left out of the file: {', '.join(told['left']) or 'none'}")
    if model.preprocessing is None:
        lines.append("preprocessing: unknown; give --preprocessing here, or with predict, evaluate and export")
    else:
        source = _SOURCES[told["preprocessing_source"]]
        lines.append(f"preprocessing, {source}: {described(model.preprocessing)}")
    return lines


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"class names {file} cannot be read: {error}") from error
