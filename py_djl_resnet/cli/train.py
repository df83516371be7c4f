"""The command ``train``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .._process import terminal
from .._process.signals import stop_at_end_of_input
from ..errors import ResnetError, RunInUseError, SettingError
from ..metrics import AUTOENCODER_METRICS, Row, shown_columns
from ..progress import display, metrics_line
from ..recipe import Recipe
from ..report import draw
from ..resuming import may_extend
from ..runs import Run
from ..training import train
from .options import whole
from .output import report, shown_path, warn
from .settings import add_settings, by_source, given_settings, usual_settings

HELP = """Train a network, or resume a run, and write a run folder.

The defaults are those of the book's chapter, for an autoencoder those of the recipe autoencoder. The command line
overrides a recipe, which overrides the environment variables MAX_EPOCH and DATASET_LIMIT, which override the defaults.
Ctrl-C stops the run after the current batch and saves its state; a second Ctrl-C stops it immediately."""
USAGE = "%(prog)s [OPTION ...]"
EXAMPLES = (
    "train --epochs 10",
    "train --recipe fashion-mnist-momentum --epochs 5 --out runs/momentum",
    "train --epochs 1 --limit 2048 --quiet",
    "train --resume runs/momentum --epochs 10",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; a setting is absent from the parsed options unless given."""
    groups = add_settings(parser)
    groups["engine"].add_argument("--offline", action="store_true", help="never download jars")
    output = groups["output"]
    output.add_argument("--out", metavar="DIR", help="new run folder (default: runs/<date>-<model>-<dataset>)")
    output.add_argument(
        "--resume",
        metavar="RUN|CHECKPOINT|auto",
        help="resume a run; auto resumes the run in --out, else the newest in runs/ with this recipe, or starts one",
    )
    output.add_argument(
        "--wait-for-lock",
        type=whole,
        default=0,
        metavar="SECONDS",
        help="with --resume: wait while another process writes to the run (default: 0)",
    )
    output.add_argument("--quiet", action="store_true", help="print only the final lines")


def run(options: Any) -> int:
    """Trains; prints a line per epoch, then the chapter's two lines and the run folder."""
    stop_at_end_of_input()
    if options.offline:
        os.environ["PY_DJL_RESNET_OFFLINE"] = "1"
    epochs: list[Row] = []
    try:
        result = _trained(options, epochs.append)
    except (SettingError, RunInUseError) as error:
        raise by_source(error, options) from error
    if not epochs and not options.quiet:
        report(_complete(result))
    try:
        drawn = _draw(result)
    except KeyboardInterrupt:
        folder = shown_path(result.folder)
        report(f"The run is complete, but its figures are not. Draw them with: py-djl-resnet plot {folder}")
        raise
    if result.profile is not None and not options.quiet:
        print(result.profile)
    for line in _last_lines(result):
        print(terminal.wrapped(line, sys.stdout))
    print(f"run folder: {shown_path(result.folder)}")
    if drawn is not None:
        print(f"report: {shown_path(drawn)}")
    return 0


def _trained(options: Any, callback: Callable[[Row], object]) -> Run:
    """Starts a run, or resumes one, with the given settings."""
    given = given_settings(options)
    starts = options.resume in (None, "auto")
    return train(
        recipe=Recipe.from_settings({**usual_settings(options, given), **given}) if starts else None,
        out=options.out,
        resume=options.resume,
        changes=None if options.resume is None else given,
        wait=options.wait_for_lock,
        progress=False if options.quiet else display(sys.stderr, epochs_to=sys.stdout),
        callback=callback,
    )


def _last_lines(result: Run) -> list[str]:
    """Returns the chapter's two lines, and a line for the best epoch."""
    last, best, metric = result.history[-1], result.best, result.selection["metric"]
    columns = [column for column in shown_columns(last) if not column.endswith("_loss")]
    lines = [
        f"loss {last['train_loss']:.3f}, {metrics_line(last, columns)}",
        f"{result.examples_per_second:.1f} examples/sec",
    ]
    if best is not None:
        selected = f"best.safetensors: epoch {best['epoch']}, {metrics_line(best, [metric])}"
        if result.selection["on"] == "test data":
            selected += ", selected on the test data (use --validation 0.1 to hold out training data)"
        lines.append(selected)
    if result.test is not None:
        measured = {f"test_{name}": result.test[name] for name in result.test if name not in ("epoch", "examples")}
        shown = {f"test_{name}" for name in AUTOENCODER_METRICS}
        names = [name for name in measured if not result.is_autoencoder or name in shown]
        lines.append(f"epoch {result.test['epoch']} on the test data, evaluated once: {metrics_line(measured, names)}")
    return lines


def _complete(result: Run) -> str:
    """Returns why nothing was trained."""
    done, recipe = len(result.history), result.recipe
    if done < recipe.epochs:
        return f"This run is complete: early stopping ended it after epoch {done} of {recipe.epochs}."
    more = " Extend it with --epochs N." if may_extend(recipe) else ""
    return f"This run is complete, with {done} of {recipe.epochs} epochs. Nothing was trained.{more}"


def _draw(result: Run) -> Path | None:
    """Draws the figures and returns the report. The run is already saved, so a failure is only a warning."""
    if result.folder is None:
        return None
    try:
        return draw(result, result.folder)
    except ResnetError as error:
        warn(f"No figure: {error}")
    except Exception as error:  # from Matplotlib: the user still gets the final lines
        warn(f"No figure: {type(error).__name__}: {error}")
    return None
