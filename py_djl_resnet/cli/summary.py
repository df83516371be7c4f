"""The command ``summary``."""

from __future__ import annotations

import argparse
from typing import Any

from ..summary import program, summarize
from .options import add_engine, add_precision, count, print_json, shape, start

HELP = """Show a network's layers: output shapes, parameters, multiply-adds."""
EXAMPLES = (
    "summary d2l-resnet18 --input 1,1,224,224",
    "summary resnet50+deep_stem --table --depth 2",
    "summary d2l-resnet18 --program --precision bfloat16",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("model", metavar="MODEL", help="network; see the models command")
    parser.add_argument(
        "--input", type=shape, metavar="N,C,H,W", help="shape of the input (default: the network's own)"
    )
    parser.add_argument("--classes", type=count, metavar="N", help="number of classes (default: the network's own)")
    parser.add_argument(
        "--depth", type=count, default=1, metavar="N", help="levels of nested blocks to list (default: 1)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--table", action="store_true", help="print a table with parameters and multiply-adds")
    form.add_argument("--json", action="store_true", help="print JSON only")
    form.add_argument("--program", action="store_true", help="print the TorchScript that the network runs as")
    add_precision(parser, "with --program: ")
    add_engine(parser, device=False)


def run(options: Any) -> int:
    """Prints the chapter's lines, a table, JSON or the program."""
    start(options)
    if options.program:
        print(program(options.model, options.input, classes=options.classes, precision=options.precision), end="")
        return 0
    summary = summarize(
        options.model,
        options.input,
        classes=options.classes,
        depth=options.depth,
        engine=options.engine,
    )
    if options.json:
        print_json(summary.to_dict())
    else:
        print(summary if options.table else summary.lines())
    return 0
