"""What several commands share: kinds of values, and the options of the engine."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from .._java import jvm
from .._java.jars import ENGINES
from ..checks import INT, LONG, nearest


def whole(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number; received {text!r}") from None


def count(text: str) -> int:
    """A whole number from 1 to Java's greatest int."""
    number = whole(text)
    if not 1 <= number <= INT:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {INT}; received {text!r}")
    return number


def engine(text: str) -> str:
    """An engine's name."""
    if text not in ENGINES:
        raise argparse.ArgumentTypeError(
            f"Unknown engine {text!r}.{nearest(text, ENGINES)} Allowed: {', '.join(ENGINES)}."
        )
    return text


def names(text: str) -> list[str]:
    """Names separated by commas, at least one."""
    found = [part.strip() for part in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f"must be names separated by commas; received {text!r}")
    return found


def shape(text: str) -> tuple[int, ...]:
    """``1,1,224,224`` as four whole numbers of at least 1."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 4 or not all(1 <= number <= LONG for number in numbers):
        raise argparse.ArgumentTypeError(
            f"must be four whole numbers N,C,H,W from 1 to {LONG} like 1,1,224,224; received {text!r}"
        )
    return numbers


def add_engine(parser: argparse.ArgumentParser, device: bool = True) -> None:
    """Adds ``--engine``, ``--device``, ``--threads``, ``--offline``."""
    group = parser.add_argument_group("engine")
    group.add_argument("--engine", type=engine, metavar="pytorch|mxnet", help="what computes (default: pytorch)")
    if device:
        group.add_argument(
            "--device",
            default="auto",
            metavar="auto|cpu|gpu[:N]",
            help="where it computes (default: auto, a GPU if there is one)",
        )
        group.add_argument("--threads", type=count, metavar="N", help="(default: the engine's choice)")
    group.add_argument("--offline", action="store_true", help="never fetch jars from the network")


def add_preprocessing(parser: argparse._ActionsContainer, default: str = "the network's own") -> None:
    """Adds ``--preprocessing``."""
    parser.add_argument(
        "--preprocessing",
        metavar="NAME|FILE.json",
        help=f"how images are prepared: torchvision, plain:N (stretched to N by N) or a JSON file (default: {default})",
    )


def start(options: Any) -> None:
    """Starts the JVM as the options of :func:`add_engine` say."""
    jvm.start(
        options.engine,
        device=getattr(options, "device", "auto"),
        threads=getattr(options, "threads", None),
        offline=options.offline,
        quiet=getattr(options, "quiet", False),
    )


def print_json(form: Any) -> None:
    """Writes a form to standard output as JSON."""
    json.dump(
        form,
        sys.stdout,
        indent=2,
        ensure_ascii=(sys.stdout.encoding or "").lower() not in ("utf-8", "utf8"),
        allow_nan=False,
    )
    print()
