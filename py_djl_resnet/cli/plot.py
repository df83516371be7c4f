"""The command ``plot``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .._plotting.chart import check_suffix
from .._plotting.history import STYLES
from ..errors import UsageError
from ..report import draw_results
from ..runs import Run, plot_page, plot_runs
from .options import add_engine, count, start

HELP = """Draw the loss and the accuracy of runs over their epochs, or ELBO, reconstruction and KL of autoencoders.

The figures of one run are written to its figures/ as metrics.png and metrics.html. Its confusion matrix and its worst
mistakes, or an autoencoder's samples and reconstructions, and its report.html, which shows all figures, are drawn
again. Several runs are compared in the file given by
--out: .png, .svg or .pdf by Matplotlib, .html by Tablesaw. Dashed curves show training metrics; a star marks the best
epoch."""
EXAMPLES = (
    "plot runs/mine",
    "plot runs/mine --style d2l --out chapter.png",
    "plot runs/sgd runs/momentum --out comparison.svg --size 10x4",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("runs", metavar="RUN", nargs="+", help="run folders")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help=".png, .svg, .pdf or .html file (default: metrics.png and metrics.html in the run's figures/, or "
        "metrics-d2l.png with --style d2l)",
    )
    parser.add_argument(
        "--style",
        choices=STYLES,
        default=STYLES[0],
        metavar="|".join(STYLES),
        help="panels: one for the loss, one for the accuracy; d2l: the chapter's single panel (default: panels)",
    )
    parser.add_argument(
        "--size",
        type=_size,
        metavar="WxH",
        help="width and height in inches, such as 10x4 (default: depends on the content)",
    )
    parser.add_argument("--dpi", type=count, metavar="N", help="dots per inch of a .png (default: 150)")
    add_engine(parser, device=False)


def run(options: Any) -> int:
    """Writes the figures and prints where they are."""
    if options.out is not None:
        check_suffix(options.out, (".html",))
        if Path(options.out).suffix.lower() == ".html" and (options.style != STYLES[0] or options.size or options.dpi):
            raise UsageError("--style, --size and --dpi do not apply to .html. Use .png, .svg or .pdf.")
    runs = [Run.open(folder) for folder in options.runs]
    if options.out is not None:
        outputs = [Path(options.out)]
    elif len(runs) == 1:
        figures = Path(options.runs[0]) / "figures"
        outputs = [figures / "metrics.png", figures / "metrics.html"]
        if options.style != STYLES[0]:
            outputs = [figures / f"metrics-{options.style}.png"]
    else:
        raise UsageError("Comparing several runs needs --out FILE. Allowed: .png, .svg, .pdf, .html.")
    for run in runs:
        if not run.history:
            raise UsageError(f"Run {run.folder} has no completed epoch to draw yet.")
    for output in outputs:
        if output.suffix.lower() == ".html":
            start(options)
            plot_page(runs, output)
        else:
            plot_runs(runs, output, style=options.style, size=options.size, dpi=options.dpi or 150)
        print(f"figure: {output}", file=sys.stderr)
    if len(outputs) > 1:
        print(f"report: {draw_results(runs[0], Path(options.runs[0]))}", file=sys.stderr)
    return 0


def _size(text: str) -> tuple[float, float]:
    """Parses ``10x4``, inches."""
    try:
        width, height = map(float, text.lower().split("x"))
    except ValueError:
        width = height = 0
    if not (1 <= width <= 100 and 1 <= height <= 100):
        raise argparse.ArgumentTypeError(f"must be inches from 1 to 100, such as 10x4. Received: {text!r}.")
    return width, height
