"""Draw train loss, train and test accuracy over the epochs of runs.

One run is drawn into its own figures folder, as metrics.png and metrics.html, several are overlaid
in the file that --out names: .png, .svg and .pdf with Matplotlib, .html with Tablesaw.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .._plotting.figures import SUFFIXES, check_suffix, plot_history
from ..errors import UsageError
from ..runs import Run, labels, plot_page
from .options import add_engine, start

EXAMPLES = (
    "plot runs/mine",
    "plot runs/sgd runs/momentum --out comparison.svg",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("runs", metavar="RUN", nargs="+", help="run folders")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="a .png, .svg, .pdf or .html file (default: figures/metrics.png and .html of one run)",
    )
    add_engine(parser, device=False)


def run(options: Any) -> int:
    """Writes the figures and prints where they are."""
    if options.out is not None and Path(options.out).suffix.lower() != ".html":
        _check_figure(options.out)
    runs = [Run.open(folder) for folder in options.runs]
    if options.out is not None:
        outputs = [Path(options.out)]
    elif len(runs) == 1:
        figures = Path(options.runs[0]) / "figures"
        outputs = [figures / "metrics.png", figures / "metrics.html"]
    else:
        raise UsageError("several runs need --out FILE with .png, .svg, .pdf or .html")
    for run in runs:
        if not run.history:
            raise UsageError(f"run {run.folder} has no epoch yet; nothing can be drawn")
    for output in outputs:
        if output.suffix.lower() == ".html":
            start(options)
            plot_page(runs, output)
        else:
            histories = [run.history for run in runs]
            plot_history(dict(zip(labels(runs), histories, strict=True)), output)
        print(f"figure: {output}", file=sys.stderr)
    return 0


def _check_figure(path: str) -> None:
    try:
        check_suffix(path)
    except UsageError:
        raise UsageError(
            f"figure {path} must end in {', '.join(SUFFIXES)} or .html; received {Path(path).suffix or 'no ending'}"
        ) from None
