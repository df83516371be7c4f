"""Options and argument types that several commands share."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .._files import write
from .._java import jvm
from .._java.jars import ENGINES
from ..checks import INT, LONG


def whole(text: str) -> int:
    """Parses a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number. Received: {text!r}.") from None


def real(text: str) -> float:
    """Parses a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number. Received: {text!r}.") from None


def wholes(text: str) -> list[int]:
    """Parses whole numbers separated by commas."""
    return [whole(part) for part in names(text)]


def count(text: str) -> int:
    """Parses a whole number from 1 to Java's largest int."""
    number = whole(text)
    if not 1 <= number <= INT:
        raise argparse.ArgumentTypeError(f"must be a whole number. Received: {text}. Allowed: 1 to {INT}.")
    return number


def names(text: str) -> list[str]:
    """Parses names separated by commas, at least one."""
    found = [part.strip() for part in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f"must be names separated by commas. Received: {text!r}.")
    return found


def shape(text: str) -> tuple[int, ...]:
    """Parses ``1,1,224,224``: four whole numbers of at least 1."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 4 or not all(1 <= number <= LONG for number in numbers):
        raise argparse.ArgumentTypeError(
            f"must be four whole numbers N,C,H,W of at least 1, such as 1,1,224,224. Received: {text!r}."
        )
    return numbers


def add_debug(parser: argparse.ArgumentParser) -> None:
    """Adds ``--debug``."""
    parser.add_argument("--debug", action="store_true", help="show the full traceback of an error")


def actions(parser: argparse.ArgumentParser) -> Callable[..., argparse.ArgumentParser]:
    """Adds the argument ``ACTION``.

    Returns:
        A function that adds an action: its name, its help, which begins with a small letter and has no full stop, and
        defaults of its options by name.
    """
    added = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True, prog=parser.prog)

    def add(name: str, text: str, **defaults: Any) -> argparse.ArgumentParser:
        action: argparse.ArgumentParser = added.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            allow_abbrev=False,
            formatter_class=parser.formatter_class,
        )
        add_debug(action)
        action.set_defaults(parser=action, **defaults)
        return action

    return add


def add_engine(parser: argparse.ArgumentParser, device: bool = True) -> None:
    """Adds ``--engine``, ``--device``, ``--threads``, ``--offline``."""
    group = parser.add_argument_group("engine")
    group.add_argument("--engine", choices=ENGINES, help="deep-learning engine (default: pytorch)")
    if device:
        group.add_argument(
            "--device",
            default="auto",
            metavar="auto|cpu|gpu[:N]",
            help="device; auto uses a GPU if one is available (default: auto)",
        )
        group.add_argument("--threads", type=count, metavar="N", help="CPU threads (default: all cores)")
    group.add_argument("--offline", action="store_true", help="never download jars")


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Adds the argument ``CHECKPOINT``."""
    parser.add_argument(
        "checkpoint", metavar="CHECKPOINT", help="a .safetensors file, or a run folder (its best checkpoint is used)"
    )


def add_raw(parser: argparse._ActionsContainer) -> None:
    """Adds ``--raw``."""
    parser.add_argument(
        "--raw",
        action="store_true",
        help="use the weights themselves, even if the checkpoint has their average (EMA or SWA)",
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose the examples of an evaluation."""
    data = parser.add_argument_group("data")
    add_dataset(data)
    data.add_argument("--limit", type=count, metavar="N", help="use at most N examples (default: all)")
    data.add_argument("--batch-size", type=count, default=256, metavar="N", help="examples per batch (default: 256)")
    add_preprocessing(data)


def add_dataset(data: argparse._ActionsContainer) -> None:
    """Adds ``--dataset`` and ``--data-dir``."""
    data.add_argument(
        "--dataset", metavar="NAME|folder:DIR", help="data set, or folder of images (default: the one used in training)"
    )
    data.add_argument("--data-dir", metavar="DIR", help="folder of the data set's files (default: as in training)")


def add_precision(parser: argparse._ActionsContainer, when: str = "") -> None:
    """Adds ``--precision``; its help begins with when it has an effect."""
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "auto"),
        default="float32",
        help=f"{when}precision of convolutions and activations (default: float32)",
    )


def add_tta(parser: argparse._ActionsContainer) -> None:
    """Adds ``--tta``."""
    parser.add_argument(
        "--tta",
        metavar="VIEWS",
        help="test-time augmentation: average the logits of views of each image: flip (mirrored), shift (by one "
        "pixel), or flip,shift (default: the image alone)",
    )


def add_preprocessing(parser: argparse._ActionsContainer, default: str = "the network's own") -> None:
    """Adds ``--preprocessing``."""
    parser.add_argument(
        "--preprocessing",
        metavar="NAME|FILE.json",
        help=f"image preprocessing: torchvision, plain:N (resized to NxN), or a JSON file (default: {default})",
    )


def default_figure(checkpoint: Path, options: Any, name: str) -> Path | None:
    """Returns the figure's path in the checkpoint's run folder; None unless the run's own data set is evaluated.

    A limited evaluation has its own file, so that it does not replace the full one.
    """
    if (
        options.dataset
        or options.data_dir
        or options.preprocessing
        or not (checkpoint.parent / "recipe.json").is_file()
    ):
        return None
    limited = "" if options.limit is None else f"-limit-{options.limit}"
    return checkpoint.parent / "figures" / f"{name}{limited}.png"


def start(options: Any) -> None:
    """Starts the JVM with the options of :func:`add_engine`."""
    jvm.start(
        options.engine,
        device=getattr(options, "device", "auto"),
        threads=getattr(options, "threads", None),
        offline=options.offline,
        quiet=getattr(options, "quiet", False),
    )


def print_result(result: Any, as_json: bool) -> None:
    """Prints a result of the API as text or as JSON."""
    if as_json:
        print_json(result.to_dict())
    else:
        print(result)


def write_figure(result: Any, figure: Path) -> None:
    """Draws a result of the API to a file, writes its table beside it, and says so."""
    table = figure.with_suffix(".csv")
    result.plot(figure)
    write(table, result.to_csv().encode(), "Table")
    print(f"figure: {figure}", file=sys.stderr)
    print(f"table: {table}", file=sys.stderr)


def print_json(form: Any) -> None:
    """Prints a value as JSON, which has no NaN and no infinity: they become null."""
    finite = json.loads(json.dumps(form), parse_constant=lambda _: None)
    print(json.dumps(finite, indent=2, ensure_ascii=(sys.stdout.encoding or "").lower() not in ("utf-8", "utf8")))
