"""The command ``landscape plot``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .._files import write
from .._landscape.figures import VALUES
from .._landscape.measures import measures_csv, measures_table
from .._plotting.chart import check_suffix
from .._plotting.landscape import KINDS
from ..errors import UsageError
from ..landscape import labels, plot_together, read_landscape
from .options import count, print_json

HELP = """Draw and measure loss surfaces.

Prints the lowest loss, the width of its basin, the share of non-convex points and the curvatures. All figures of a
landscape are written to its figures/, and the numbers beside it. With --out, one figure is drawn; with --together,
several landscapes have one scale."""
USAGE = "%(prog)s [OPTION ...] DIR ..."
EXAMPLES = (
    "landscape plot surfaces/resnet20",
    "landscape plot surfaces/plain20 surfaces/resnet20 --together",
    "landscape plot surfaces/resnet20 --kind contour --value accuracy --out accuracy.svg",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("landscapes", metavar="DIR", nargs="+", help="folders that the command landscape wrote")
    parser.add_argument("--together", action="store_true", help="draw all landscapes in one figure with one scale")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="file of one figure: .png, .svg or .pdf; .html for one surface (default with --together: together.png)",
    )
    shown = parser.add_argument_group("with --out")
    shown.add_argument(
        "--kind",
        choices=("line", *KINDS, "html"),
        metavar="|".join(("line", *KINDS, "html")),
        help="kind of figure (default: line or filled)",
    )
    shown.add_argument("--value", choices=VALUES, metavar="|".join(VALUES), help="what to draw (default: loss)")
    shown.add_argument("--direction", type=int, metavar="N", help="number of the pair of directions, from 0")
    shown.add_argument("--levels", type=count, metavar="N", help="about how many contour levels (default: 12)")
    shown.add_argument("--log", action=argparse.BooleanOptionalAction, help="logarithmic scale (default: for losses)")
    parser.add_argument("--json", action="store_true", help="print JSON only")


def run(options: Any) -> int:
    """Writes the figures, and prints the measures and where the figures are."""
    landscapes = [read_landscape(folder) for folder in options.landscapes]
    for each in landscapes:
        if each.missing:
            print(f"{each.folder}: {each.missing:,} of {each.loss.size:,} points are not measured yet", file=sys.stderr)
    chosen = {
        name: value
        for name in ("kind", "value", "direction", "levels", "log")
        if (value := getattr(options, name)) is not None
    }
    if options.together and options.out is None:
        options.out = "together.png"
    if options.out is None:
        if chosen:
            raise UsageError(f"--{next(iter(chosen))} needs --out FILE.")
        files = [file for landscape in landscapes for file in landscape.write_figures()]
    else:
        files = [Path(options.out)]
        if options.together:
            check_suffix(options.out)
            plot_together(landscapes, options.out, **chosen)
        elif len(landscapes) > 1:
            raise UsageError("--out with several landscapes needs --together.")
        else:
            check_suffix(options.out, (".html",))
            landscapes[0].plot(options.out, **chosen)
    found = [landscape.measures() for landscape in landscapes]
    if options.together:
        files.append(files[0].with_suffix(".csv"))
        write(files[-1], measures_csv(found).encode(), "Measures")
    if options.json:
        print_json([each.to_dict() for each in found])
    else:
        print(measures_table(found, labels(landscapes)))
    for file in files:
        print(f"{'figure' if file.suffix not in ('.csv', '.json') else 'measures'}: {file}", file=sys.stderr)
    return 0
