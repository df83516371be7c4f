"""Train a network and write a run folder.

The defaults are those of the d2l chapter. A setting on the command line wins over one of the
recipe, that over the environment variables MAX_EPOCH and DATASET_LIMIT, those over the default.
Ctrl-C ends the run after the current batch and keeps its state, a second one ends it at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checks import path
from ..errors import ResnetError, RunInUseError, SettingError
from ..metrics import metric_columns
from ..progress import Snapshot, display, epoch_line, metrics_line
from ..recipe import Recipe, environment_settings
from ..runs import Run, plot_page
from ..training import train
from .options import whole
from .report import report, warn
from .settings import add_settings, by_source, given_settings

EXAMPLES = (
    "train --epochs 10",
    "train --recipe fashion-mnist-momentum --epochs 5 --out runs/momentum",
    "train --epochs 1 --limit 2048 --quiet",
    "train --resume runs/momentum --epochs 10",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; settings are absent from the parsed ones when not given."""
    groups = add_settings(parser)
    groups["where it runs"].add_argument("--offline", action="store_true", help="never fetch jars from the network")
    output = groups["what comes out"]
    output.add_argument("--out", metavar="DIR", help="a new run folder (default: runs/<date>-<model>-<dataset>)")
    output.add_argument(
        "--resume",
        metavar="RUN|CHECKPOINT|auto",
        help="resume a run; auto: that of --out, or the newest in runs/ with this recipe, else start one",
    )
    output.add_argument(
        "--wait-for-lock",
        type=whole,
        default=0,
        metavar="SECONDS",
        help="with --resume: wait while another process writes to the run (default: fail at once)",
    )
    output.add_argument("--quiet", action="store_true", help="print only the final lines")


def run(options: Any) -> int:
    """Trains; prints a line an epoch, at the end the chapter's two lines and the run folder."""
    if options.resume is not None:
        path(options.resume, "--resume")
    if options.offline:
        os.environ["PY_DJL_RESNET_OFFLINE"] = "1"
    shown = None if options.quiet else _Shown()
    try:
        result = _trained(options, False if shown is None else shown)
    except SettingError as error:
        raise by_source(error, options) from error
    except RunInUseError as error:
        raise RunInUseError(str(error).replace("wait=SECONDS", "--wait-for-lock SECONDS")) from error
    if shown is not None and not shown.epochs:
        report(_complete(result))
    try:
        _draw(result)
    except KeyboardInterrupt:
        report(f"the run is complete, in {_path(result.folder)}; its figures are not: plot draws them")
        raise
    if result.profile is not None and not options.quiet:
        print(result.profile)
    print("\n".join(_last_lines(result)))
    print(f"run folder: {_path(result.folder)}")
    return 0


def _trained(options: Any, progress: Any) -> Run:
    """Starts a run, or resumes one with the settings that were given."""
    given = given_settings(options)
    starts = options.resume in (None, "auto")
    return train(
        recipe=Recipe.from_settings({**environment_settings(), **given}) if starts else None,
        out=options.out,
        resume=options.resume,
        changes=None if options.resume is None else given,
        wait=options.wait_for_lock,
        progress=progress,
    )


class _Shown:
    """A line an epoch on standard output, bars or times on standard error."""

    def __init__(self) -> None:
        self._progress = display(sys.stderr, losses=False)
        self.epochs = 0

    def show(self, snapshot: Snapshot) -> None:
        self._progress.show(snapshot)

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        self._progress.epoch_ended(row, epochs)
        print(epoch_line(row, epochs), flush=True)
        self.epochs += 1

    def close(self) -> None:
        self._progress.close()


def _last_lines(result: Run) -> list[str]:
    """The chapter's two lines, and what the best epoch came to and was selected on."""
    last, best, metric = result.history[-1], result.best, result.selection["metric"]
    columns = [column for column in metric_columns(last) if not column.endswith("_loss")]
    lines = [
        f"loss {last['train_loss']:.3f}, {metrics_line(last, columns)}",
        f"{result.examples_per_second:.1f} examples/sec",
    ]
    if best is not None:
        selected = f"best.safetensors: epoch {best['epoch']}, {metrics_line(best, [metric])}"
        if result.test is None:
            selected += ", selected on the test data (--validation 0.1 holds out training data for that)"
        lines.append(selected)
    if result.test is not None:
        measured = {f"test_{name}": value for name, value in result.test.items()}
        lines.append(
            f"epoch {result.test['epoch']} on the test data, evaluated once: "
            + metrics_line(measured, [name for name in measured if name not in ("test_epoch", "test_examples")])
        )
    return lines


def _complete(result: Run) -> str:
    """That there was nothing to train, and why."""
    done, recipe = len(result.history), result.recipe
    if done < recipe.epochs:
        return (
            f"this run is complete: its patience ended it after {done} of {recipe.epochs} epochs; nothing was trained"
        )
    more = "" if recipe.schedule in ("cosine", "one-cycle") else "; --epochs N extends it"
    return f"this run is complete: {done} of {recipe.epochs} epochs, nothing was trained{more}"


def _draw(result: Run) -> None:
    """The figures; the training is done and kept, so that a failure here is only told."""
    if result.folder is None:
        return
    figures = result.folder / "figures"
    try:
        result.plot(figures / "metrics.png")
        plot_page([result], figures / "metrics.html")
        if result.profile is not None:
            result.profile.plot(figures / "profile.png")
    except ResnetError as error:
        warn(f"no figure: {error}")
    except Exception as error:  # of Matplotlib: the user still gets the final lines
        warn(f"no figure: {type(error).__name__}: {error}")


def _path(folder: Path | None) -> str:
    if folder is None:
        return "none"
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
