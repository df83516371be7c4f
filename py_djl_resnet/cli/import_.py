"""The command ``import``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .._preprocessing import described
from .._tables import counted
from ..checks import checked_path
from ..datasets import MAX_CLASSES
from ..errors import UsageError
from ..models import Model, create_model
from ..weights import require_new
from .options import add_engine, add_preprocessing, count, print_json, start, whole
from .output import network

HELP = """Import torchvision or timm weights into a checkpoint.

FILE is a state dict: .safetensors, or .pth and .pt, which need the extra [torch]. Its tensors must fit the network.
Wrapper prefixes such as module. are removed, and float16, bfloat16 and float64 become float32. The preprocessing is
read from an export of this package, else from timm's config.json next to the file; without either, torchvision's
networks get torchvision's. For other networks, give --preprocessing."""
EXAMPLES = (
    "import resnet50.safetensors --model resnet50 --out resnet50-imagenet.safetensors",
    "import resnet18.pth --model resnet18 --new-head 10 --out start.safetensors",
)

#: Java's names for the sources of a preprocessing, and ours.
_SOURCES = {
    "given": "as given",
    "file": "recorded in the file",
    "timm": "from timm's config.json",
    "torchvision": "torchvision's",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("file", metavar="FILE", help="a .safetensors, .pth or .pt file")
    parser.add_argument("--model", required=True, metavar="NAME", help="network; see the models command")
    parser.add_argument("--out", required=True, metavar="CHECKPOINT", help="the new .safetensors file")
    add_preprocessing(parser, "as recorded for the file")
    head = parser.add_argument_group("last layer")
    head.add_argument("--new-head", type=_classes, metavar="CLASSES", help="replace the last layer with a new one")
    head.add_argument("--seed", type=whole, default=0, metavar="N", help="seed of the new last layer (default: 0)")
    head.add_argument("--class-names", metavar="FILE", help="a text file, one class per line (default: numbers)")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    add_engine(parser, device=False)


def _classes(text: str) -> int:
    number = count(text)
    if number > MAX_CLASSES:
        raise argparse.ArgumentTypeError(f"must be at most {MAX_CLASSES}. Received: {number}.")
    return number


def run(options: Any) -> int:
    """Writes the checkpoint; prints which tensors were loaded and which are new."""
    checked_path(options.file, "FILE")
    require_new(options.out)
    if options.seed and options.new_head is None:
        raise UsageError("--seed needs --new-head: it seeds the new layer.")
    names = None if options.class_names is None else _class_names(options.class_names, options.new_head)
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
    report = model.info["import"]
    lines = [
        network(model),
        f"loaded: {len(report['taken'])} tensors from {file}",
    ]
    if report["prefix"]:
        lines.append(f"prefix removed from the names: {report['prefix']}")
    lines += [
        f"converted to float32: {counted(number, f'{kind} tensor')}" for kind, number in report["converted"].items()
    ]
    if report["new"]:
        lines.append(f"new: {', '.join(report['new'])}; ignored in the file: {', '.join(report['left']) or 'none'}")
    if model.preprocessing is None:
        lines.append("preprocessing: unknown; give --preprocessing here, or to predict, evaluate and export")
    else:
        source = _SOURCES[report["preprocessing_source"]]
        lines.append(f"preprocessing, {source}: {described(model.preprocessing)}")
    return lines


def _class_names(file: str, count: int | None) -> list[str]:
    try:
        names = Path(file).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"--class-names {file} is not text: byte {error.start} is not UTF-8.") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"--class-names {file} cannot be read: {getattr(error, 'strerror', error)}.") from error
    if not names or count not in (None, len(names)):
        allowed = "one line per class" if count is None else f"one line for each class of --new-head {count}"
        raise UsageError(
            f"--class-names {file} has the wrong number of lines. Received: {len(names)}. Allowed: {allowed}."
        )
    return names
