"""Train a network and write a run folder.

The defaults are those of the d2l chapter. A setting on the command line wins over one of the
recipe, that over the environment variables MAX_EPOCH and DATASET_LIMIT, those over the default.
Ctrl-C ends the run after the current batch and keeps its state, a second one ends it at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

from ..errors import ResnetError
from ..progress import Silent, display, epoch_line
from ..recipe import Recipe, environment_settings, recipe_names, settings_of
from ..runs import Row, Run, plot_page
from ..training import train
from .options import engine, real, start, whole

EXAMPLES = (
    "train --epochs 10",
    "train --recipe fashion-mnist-momentum --epochs 5 --out runs/momentum",
    "train --epochs 1 --limit 2048 --quiet",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; those of the recipe are absent from the parsed ones when not given."""
    default = Recipe()

    def setting(group: Any, flag: str, text: str, **more: Any) -> None:
        value = getattr(default, flag.removeprefix("--").replace("-", "_"))
        if "action" not in more:
            text += f" (default: {'none' if value is None else value})"
        group.add_argument(flag, default=argparse.SUPPRESS, help=text, **more)

    what = parser.add_argument_group("what is trained")
    setting(what, "--model", "see the command models", metavar="NAME")
    setting(what, "--dataset", "see the command datasets", metavar="NAME")
    what.add_argument(
        "--data-dir",
        default=argparse.SUPPRESS,
        metavar="DIR",
        help="the data set's files (default: those of this package)",
    )
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
    rate = parser.add_argument_group("learning rate over time")
    setting(rate, "--schedule", "constant, step, cosine or one-cycle", metavar="NAME")
    setting(rate, "--warmup-epochs", "rise linearly first", type=whole, metavar="N")
    setting(rate, "--step-epochs", "step: epochs between steps", type=whole, metavar="N")
    setting(rate, "--step-factor", "step: factor of a step", type=real, metavar="X")
    where = parser.add_argument_group("where it runs")
    setting(where, "--engine", "what computes", type=engine, metavar="pytorch|mxnet")
    setting(where, "--device", "a GPU if there is one", metavar="auto|cpu|gpu[:N]")
    setting(where, "--threads", "of the engine", type=whole, metavar="N")
    where.add_argument("--offline", action="store_true", help="never fetch jars from the network")
    output = parser.add_argument_group("what comes out")
    output.add_argument("--out", metavar="DIR", help="a new run folder (default: runs/<date>-<model>-<dataset>)")
    output.add_argument("--quiet", action="store_true", help="print only the final lines")


def run(options: Any) -> int:
    """Trains; prints a line an epoch, at the end the chapter's two lines and the run folder."""
    recipe = _recipe(options)
    options.engine, options.device, options.threads = recipe.engine, recipe.device, recipe.threads
    start(options)

    def print_row(row: Row) -> None:
        print(epoch_line(row, recipe.epochs), flush=True)

    result = train(
        recipe=recipe,
        out=options.out,
        progress=Silent() if options.quiet else display(sys.stderr, losses=False),
        callback=None if options.quiet else print_row,
    )
    _draw(result)
    last = result.history[-1]
    print(
        f"loss {last['train_loss']:.3f}, train acc {last['train_accuracy']:.3f}, test acc {last['test_accuracy']:.3f}"
    )
    print(f"{result.examples_per_second:.1f} examples/sec")
    print(f"run folder: {_shown(result.folder)}")
    return 0


def _recipe(options: Any) -> Recipe:
    settings: dict[str, Any] = dict(environment_settings())
    if options.recipe is not None:
        settings.update(settings_of(options.recipe))
    names = [field.name for field in dataclasses.fields(Recipe)]
    settings.update({name: getattr(options, name) for name in names if name in options})
    return Recipe.from_settings(settings, "the command line")


def _draw(result: Run) -> None:
    """Both figures; the training is done and kept, so that a failure here is only told."""
    if result.folder is None:
        return
    figures = result.folder / "figures"
    try:
        result.plot(figures / "metrics.png")
        plot_page([result], figures / "metrics.html")
    except ResnetError as error:
        print(f"py-djl-resnet: warning: no figure: {error}", file=sys.stderr)


def _shown(folder: Path | None) -> str:
    if folder is None:
        return "none"
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
