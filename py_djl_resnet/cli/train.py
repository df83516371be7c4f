"""Train a network and write a run folder.

The defaults are those of the d2l chapter. A setting on the command line wins over one of the
recipe, that over the environment variables MAX_EPOCH and DATASET_LIMIT, those over the default.
Ctrl-C ends the run after the current batch and keeps its state, a second one ends it at once.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..checks import path
from ..errors import ResnetError, RunInUseError, UsageError
from ..progress import Silent, display, epoch_line
from ..recipe import ENVIRONMENT, Recipe, environment_settings, recipe_names, settings_of
from ..runs import Row, Run, differing, find_run, is_run, plot_page, recipe_to_resume
from ..training import resume, train
from .options import engine, real, start, whole
from .report import report, warn

EXAMPLES = (
    "train --epochs 10",
    "train --recipe fashion-mnist-momentum --epochs 5 --out runs/momentum",
    "train --epochs 1 --limit 2048 --quiet",
    "train --resume runs/momentum --epochs 10",
)

#: Seconds between looks at a folder that another run has.
_LOOK_AGAIN = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; those of the recipe are absent from the parsed ones when not given."""
    environment: dict[str, int] = {}
    with contextlib.suppress(UsageError):  # told when a training begins, not in every command
        environment = environment_settings()
    default = Recipe().replace(**environment)

    def setting(group: Any, flag: str, text: str, **more: Any) -> None:
        key = flag.removeprefix("--").replace("-", "_")
        value = getattr(default, key)
        shown = "none" if value is None else ("yes" if value else "no") if isinstance(value, bool) else value
        source = next((f", from {name}" for name, (known, _) in ENVIRONMENT.items() if known == key), "")
        text += f" (default: {shown}{source if key in environment else ''})"
        group.add_argument(flag, default=argparse.SUPPRESS, help=text, **more)

    what = parser.add_argument_group("what is trained")
    setting(what, "--model", "see the command models; NAME+OPTION for a variant", metavar="NAME")
    setting(what, "--dataset", "see the command datasets", metavar="NAME")
    what.add_argument(
        "--data-dir",
        default=argparse.SUPPRESS,
        metavar="DIR",
        help="the data set's files (default: those of this package)",
    )
    setting(what, "--weights", "begin with those of a .safetensors file", metavar="FILE")
    setting(what, "--image-size", "resize pictures to NxN pixels", type=whole, metavar="N")
    setting(what, "--limit", "use at most N examples of each part", type=whole, metavar="N")
    what.add_argument(
        "--recipe",
        metavar="FILE.json|NAME",
        help=f"settings from a file, or one of {', '.join(recipe_names())}",
    )
    how = parser.add_argument_group("how it is trained")
    setting(how, "--epochs", "passes over the training data", type=whole, metavar="N")
    setting(how, "--batch-size", "examples in a step", type=whole, metavar="N")
    setting(how, "--lr", "learning rate", type=real, metavar="X")
    setting(how, "--momentum", "of SGD", type=real, metavar="X")
    setting(how, "--nesterov", "Nesterov's momentum", action=argparse.BooleanOptionalAction)
    setting(how, "--weight-decay", "L2 penalty", type=real, metavar="X")
    setting(how, "--decay-bias-and-norm", "decay biases and BatchNorm too", action=argparse.BooleanOptionalAction)
    setting(how, "--seed", "of weights and order", type=whole, metavar="N")
    setting(how, "--stochastic-depth", "probability that a step drops the last block", type=real, metavar="X")
    rate = parser.add_argument_group("learning rate over time")
    setting(rate, "--schedule", "constant, step, cosine, one-cycle or plateau", metavar="NAME")
    setting(rate, "--warmup-epochs", "rise linearly first", type=whole, metavar="N")
    setting(rate, "--step-epochs", "step: epochs between steps", type=whole, metavar="N")
    setting(rate, "--step-factor", "step: factor of a step", type=real, metavar="X")
    setting(rate, "--plateau-epochs", "plateau: epochs without a lower test loss to wait", type=whole, metavar="N")
    setting(rate, "--plateau-factor", "plateau: factor of a drop", type=real, metavar="X")
    stopping = parser.add_argument_group("when it ends early")
    setting(stopping, "--patience", "end after N epochs without a better test accuracy", type=whole, metavar="N")
    setting(stopping, "--min-delta", "what counts as better", type=real, metavar="X")
    where = parser.add_argument_group("where it runs")
    setting(where, "--engine", "what computes", type=engine, metavar="pytorch|mxnet")
    setting(where, "--device", "a GPU if there is one", metavar="auto|cpu|gpu[:N]")
    setting(where, "--threads", "of the engine", type=whole, metavar="N")
    where.add_argument("--offline", action="store_true", help="never fetch jars from the network")
    output = parser.add_argument_group("what comes out")
    output.add_argument("--out", metavar="DIR", help="a new run folder (default: runs/<date>-<model>-<dataset>)")
    setting(
        output, "--checkpoint-every", "write last within epochs, too: 500 for steps, 60s for seconds", metavar="N[s]"
    )
    setting(output, "--keep", "keep the checkpoints of N epochs", type=whole, metavar="N")
    setting(output, "--profile", "tell where the time of a step goes", action=argparse.BooleanOptionalAction)
    output.add_argument(
        "--resume",
        metavar="RUN|CHECKPOINT|auto",
        help="go on with a run; auto: with that of --out, or the newest in runs/ with this recipe, else start one",
    )
    output.add_argument(
        "--wait-for-lock",
        type=whole,
        metavar="SECONDS",
        help="with --resume: wait while another process has the run, then go on (default: fail at once)",
    )
    output.add_argument("--quiet", action="store_true", help="print only the final lines")


def run(options: Any) -> int:
    """Trains; prints a line an epoch, at the end the chapter's two lines and the run folder."""
    wait = options.wait_for_lock
    if wait is not None and (options.resume is None or wait < 0):
        raise UsageError(f"--wait-for-lock is 0 or more seconds, beside --resume; received {wait}")
    result = _when_free(wait or 0, lambda: _trained(options))
    try:
        _draw(result)
    except KeyboardInterrupt:
        report(f"the run is complete, in {_shown(result.folder)}; its figures are not: plot draws them")
        raise
    if result.profile is not None and not options.quiet:
        print(result.profile)
    last = result.history[-1]
    print(
        f"loss {last['train_loss']:.3f}, train acc {last['train_accuracy']:.3f}, test acc {last['test_accuracy']:.3f}"
    )
    print(f"{result.examples_per_second:.1f} examples/sec")
    print(f"run folder: {_shown(result.folder)}")
    return 0


def _trained(options: Any) -> Run:
    """Starts a run or goes on with one, to its end."""
    source = _run_to_resume(options)
    recipe = recipe_to_resume(source) if source else _recipe(options)
    changes = _given(options) if source else {}
    options.engine = recipe.engine
    options.device, options.threads = (changes.get(key, getattr(recipe, key)) for key in ("device", "threads"))
    start(options)
    epochs = changes.get("epochs", recipe.epochs)
    rows: list[Row] = []

    def take(row: Row) -> None:
        rows.append(row)
        if not options.quiet:
            print(epoch_line(row, epochs), flush=True)

    progress = Silent() if options.quiet else display(sys.stderr, losses=False)
    if source:
        result = resume(source, changes, progress=progress, callback=take)
        if not rows and not options.quiet:
            report(_complete(result))
        return result
    try:
        return train(recipe=recipe, out=options.out, progress=progress, callback=take)
    except UsageError:
        if options.resume == "auto" and options.out is not None and _run_to_resume(options):
            return _trained(options)  # another process has begun the run meanwhile
        raise


def _when_free(seconds: int, begin: Callable[[], Run]) -> Run:
    """Begins again and again while another run has the folder, for some seconds at the most."""
    deadline = time.monotonic() + seconds
    told = ""
    while True:
        try:
            return begin()
        except RunInUseError as busy:
            if time.monotonic() >= deadline:
                raise
            if str(busy) != told:
                told = str(busy)
                report(f"waiting for up to {seconds} s: {told}")
        time.sleep(_LOOK_AGAIN)


def _complete(result: Run) -> str:
    """That there was nothing to train, and why."""
    done, recipe = len(result.history), result.recipe
    if done < recipe.epochs:
        return (
            f"this run is complete: its patience ended it after {done} of {recipe.epochs} epochs; nothing was trained"
        )
    more = "" if recipe.schedule in ("cosine", "one-cycle") else "; --epochs N extends it"
    return f"this run is complete: {done} of {recipe.epochs} epochs, nothing was trained{more}"


def _run_to_resume(options: Any) -> Path | None:
    """The folder of the run that is to go on, or a checkpoint in it; None to start one."""
    if options.resume is None:
        return None
    path(options.resume, "--resume")
    if options.resume != "auto":
        if options.out is not None:
            raise UsageError(
                f"a run that is resumed stays in its folder; received --out {options.out} beside --resume "
                f"{options.resume}; leave --out away"
            )
        source = Path(options.resume)
        if not source.exists():
            raise UsageError(f"run {source} does not exist; give a run folder, or a checkpoint in one")
        return source
    if options.out is not None:
        folder = Path(options.out)
        if not is_run(folder):
            return None
        _require_equal(_recipe(options), folder)
        return folder
    return find_run(_recipe(options), Path("runs"))


def _require_equal(recipe: Recipe, folder: Path) -> None:
    """Raises :class:`UsageError` unless the run in a folder follows a recipe, resumable settings aside."""
    if differences := differing(recipe, recipe_to_resume(folder)):
        shown = ", ".join(f"{key}={asked!r} (it is {is_!r})" for key, (asked, is_) in differences.items())
        raise UsageError(
            f"the run in {folder} has another recipe than the one asked for: {shown}; give its own settings beside "
            f"--resume auto, go on with it as it is by --resume {folder} without --out, or choose another --out"
        )


def _recipe(options: Any) -> Recipe:
    settings = {**environment_settings(), **_given(options)}
    return Recipe.from_settings(settings, "the command line")


def _given(options: Any) -> dict[str, Any]:
    """The settings of the recipe file and of the command line, defaults left out."""
    settings = {} if options.recipe is None else dict(settings_of(options.recipe))
    names = [field.name for field in dataclasses.fields(Recipe)]
    settings.update({name: getattr(options, name) for name in names if name in options})
    return settings


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


def _shown(folder: Path | None) -> str:
    if folder is None:
        return "none"
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
