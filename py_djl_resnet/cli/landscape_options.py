"""Options that the subcommands of ``landscape`` share."""

from __future__ import annotations

import argparse
import sys

from .._landscape.options import SPLITS, STATISTICS
from .._landscape.surface import BATCH_SIZE
from ..landscape import POINTS, TRAJECTORY, Landscape
from .options import add_dataset, add_preprocessing, count


def add_examples(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Adds the options that choose the examples."""
    data = parser.add_argument_group("data")
    add_dataset(data)
    data.add_argument("--split", choices=SPLITS, default="train", help="examples to use (default: train)")
    data.add_argument(
        "--examples",
        type=_examples,
        default=1000,
        metavar="N|all",
        help="number of examples, chosen at random by the seed (default: 1000)",
    )
    data.add_argument(
        "--batch-size", type=count, default=BATCH_SIZE, metavar="N", help=f"examples per batch (default: {BATCH_SIZE})"
    )
    add_preprocessing(data)
    return data


def add_statistics(data: argparse._ArgumentGroup, meaning: str) -> None:
    """Adds ``--batch-norm``."""
    data.add_argument(
        "--batch-norm",
        choices=STATISTICS,
        default="frozen",
        help=f"statistics of batch normalization: {meaning} (default: frozen)",
    )


def show(landscape: Landscape) -> None:
    """Prints a measured landscape, writes its figures and lists the files."""
    print(landscape)
    print(f"\n{landscape.measures()}")
    print(f"\nMeasured on {landscape.info['examples']:,} examples ({landscape.info['split']}).")
    names = [POINTS, *([] if landscape.trajectory is None else [TRAJECTORY])]
    for name in names:
        print(f"{name.removesuffix('.csv')}: {landscape.folder / name}", file=sys.stderr)
    for file in landscape.write_figures():
        print(f"{'measures' if file.suffix in ('.csv', '.json') else 'figure'}: {file}", file=sys.stderr)


def grid(text: str) -> tuple[int, ...] | int:
    """Parses ``51`` or ``51,25``."""
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be whole numbers N or N,M. Received: {text!r}.") from None
    return sizes[0] if len(sizes) == 1 else sizes


def span(text: str) -> tuple[float, ...]:
    """Parses ``-1,1`` or ``-1,1,0,2``."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers A,B or A,B,C,D. Received: {text!r}.") from None


def _examples(text: str) -> int | None:
    return None if text == "all" else count(text)
