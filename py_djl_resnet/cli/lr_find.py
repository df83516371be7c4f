"""The command ``lr-find``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from .._files import write
from ..checks import checked_path
from ..errors import SettingError, UsageError
from ..lr_find import find_lr
from ..progress import display
from ..recipe import Recipe
from ..settings import SETTINGS
from .options import print_json, real, whole
from .settings import add_settings, by_source, given_settings, usual_settings

HELP = """Suggest a learning rate, without writing a run folder.

Trains a copy of the network at exponentially growing rates until the loss diverges. Suggests the rate at which the
smoothed loss falls fastest. The options for network, data and optimizer are those of train."""
USAGE = "%(prog)s [OPTION ...]"
EXAMPLES = (
    "lr-find --momentum 0.9",
    "lr-find --recipe fashion-mnist-momentum --out sweep",
)

#: Settings that have no effect on a sweep.
_WITHOUT = {
    *(setting.name for setting in SETTINGS.values() if setting.group == "learning-rate schedule"),
    *(
        "lr",
        "epochs",
        "lookahead",
        "ema_decay",
        "swa_epochs",
        "beta_warmup_epochs",
        "checkpoint_every",
        "keep",
        "patience",
        "min_delta",
        "profile",
        "debug_gradients",
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; a setting is absent from the parsed options unless given."""
    groups = add_settings(parser, without=_WITHOUT)
    groups["engine"].add_argument("--offline", action="store_true", help="never download jars")
    sweep = parser.add_argument_group("sweep")
    sweep.add_argument("--start", type=real, default=1e-5, metavar="X", help="first learning rate (default: 1e-5)")
    sweep.add_argument("--end", type=real, default=10.0, metavar="X", help="last learning rate (default: 10)")
    sweep.add_argument("--steps", type=whole, default=100, metavar="N", help="maximum number of steps (default: 100)")
    output = groups["output"]
    output.add_argument("--out", metavar="DIR", help="new folder for lr-find.png and lr-find.json (default: none)")
    output.add_argument("--json", action="store_true", help="print JSON only")
    output.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(resume=None)


def run(options: Any) -> int:
    """Prints the suggestion."""
    folder = None if options.out is None else _new_folder(options.out)
    if options.offline:
        os.environ["PY_DJL_RESNET_OFFLINE"] = "1"
    try:
        sweep = find_lr(
            recipe=Recipe.from_settings({**usual_settings(options, given := given_settings(options)), **given}),
            start=options.start,
            end=options.end,
            steps=options.steps,
            progress=False if options.quiet else display(sys.stderr),
        )
    except SettingError as error:
        raise by_source(error, options) from error
    if options.json:
        print_json(sweep.to_dict())
    else:
        print(sweep)
    if folder is not None:
        sweep.plot(folder / "lr-find.png")
        write(folder / "lr-find.json", sweep.to_json().encode(), "Sweep")
        print(f"figure: {folder / 'lr-find.png'}", file=sys.stderr)
    return 0


def _new_folder(out: str) -> Path:
    folder = Path(checked_path(out, "--out"))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} already exists and is not overwritten. Choose another folder.")
    return folder
