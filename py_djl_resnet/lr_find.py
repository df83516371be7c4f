"""Search for a learning rate."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._folder.data import FolderData
from ._folder.layout import is_folder
from ._following import follow, follow_progress
from ._java import jvm
from .checks import shown, whole_number
from .datasets import default_folder
from .errors import UsageError
from .progress import Display, Snapshot
from .recipe import Recipe
from .training import Arrays, checked_inputs, java_datasets

if TYPE_CHECKING:
    from ._plotting.chart import Chart


@dataclass(frozen=True)
class LrSweep:
    """The loss of training steps at growing learning rates.

    Attributes:
        suggestion: the rate before the lowest smoothed loss at which it falls fastest; None if it falls nowhere,
            or fastest in the first fifth of the steps.
        minimum: a tenth of the rate with the lowest smoothed loss, another common choice; None without a finite loss.
        diverged: whether the loss diverged before the last planned step.
        lrs: the learning rate of each step.
        losses: the loss of each step's batch.
        smoothed: their debiased moving average.
    """

    suggestion: float | None
    minimum: float | None
    diverged: bool
    lrs: list[float]
    losses: list[float]
    smoothed: list[float]

    def to_dict(self) -> dict[str, Any]:
        """Returns ``{"suggestion", "minimum", "diverged", "lrs", "losses", "smoothed"}``, ready for JSON."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """Returns :meth:`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def plot(self, path: str | os.PathLike[str] | None = None) -> Chart:
        """Draws the losses over the rate, and writes the figure to `path` (.png, .svg, .pdf) if given."""
        from ._plotting.rates import plot_rates

        return plot_rates(self.lrs, self.losses, self.smoothed, self.suggestion, self.minimum, path)

    def __str__(self) -> str:
        lines = []
        if self.diverged:
            lines.append(f"the loss diverged after step {len(self.lrs)}")
        if self.minimum is not None:
            lines.append(f"rate of the lowest loss / 10: {self.minimum:.2g}")
        if self.suggestion is not None:
            lines.append(f"suggested learning rate: {self.suggestion:.2g}, where the loss falls fastest")
        elif self.smoothed and self.smoothed.index(min(self.smoothed)) >= len(self.lrs) / 5:
            lines.append("the loss falls fastest at the lowest rates; start near the rate of the lowest loss / 10")
        else:
            lines.append("no suggestion: the loss does not fall before it rises; try more steps or a lower start")
        return "\n".join(lines)


class _OneEpoch(Display):
    """Shows a sweep as a single epoch, regardless of the recipe's number of epochs."""

    def __init__(self, display: Display) -> None:
        self._display = display

    def show(self, snapshot: Snapshot) -> None:
        self._display.show({**snapshot, "epochs": 1})


def find_lr(
    model: str | None = None,
    dataset: str | Arrays | None = None,
    recipe: Recipe | None = None,
    *,
    start: float = 1e-5,
    end: float = 10.0,
    steps: int = 100,
    class_names: Sequence[str] | None = None,
    channels_last: bool | None = None,
    progress: bool | Display = True,
) -> LrSweep:
    """Searches for a learning rate without writing files.

    Trains the recipe's network with its data and optimizer for at most `steps` steps while the rate grows exponentially
    from `start` to `end`, until the loss diverges. The recipe's schedule and learning rate are ignored.

    Args:
        model: as in :func:`train`.
        dataset: as in :func:`train`.
        recipe: as in :func:`train`.
        start: the first rate, above 0.
        end: the rate after the last step, at most 1000.
        steps: the maximum number of steps, at least 20.
        class_names: as in :func:`train`.
        channels_last: as in :func:`train`.
        progress: as in :func:`train`.

    Raises:
        UsageError: a setting, array or file is invalid.
        KeyboardInterrupt: after Ctrl-C.
    """
    wanted, arrays, names = checked_inputs(model, dataset, recipe, class_names, channels_last)
    if not all(isinstance(rate, (int, float)) and 0 < rate < float("inf") for rate in (start, end)):
        raise UsageError(f"start and end must be numbers above 0. Received: {shown(start)} and {shown(end)}.")
    if not start < end:
        raise UsageError(f"The rates must rise from start to end. Received: {start:g} and {end:g}.")
    bounds = (float(start), float(end), whole_number(steps, "steps", 20))

    received: list[int] = []

    def begin(recipe: Recipe) -> Any:
        if arrays is not None:
            train, test = java_datasets(arrays, names)
            return jvm.bridge().sweep(recipe.to_json(), train, None, test, *bounds)
        if is_folder(recipe.dataset):
            files = FolderData(recipe, quiet=progress is False)
            return jvm.bridge().sweep(recipe.to_json(), files.train, files.validation, files.test, *bounds)
        return jvm.bridge().sweep(recipe.to_json(), str(default_folder(recipe.dataset)), *bounds)

    def result(handle: Any, display: Display, signals: list[int]) -> LrSweep:
        follow_progress(handle, _OneEpoch(display), signals)
        received.extend(signals)
        with jvm.translated_errors():
            handle.check()
            return LrSweep(**json.loads(str(handle.sweep())))

    sweep = follow(lambda: wanted.checked(quiet=progress is False), begin, progress, result)
    if received and len(sweep.lrs) < steps and not sweep.diverged:
        signal.raise_signal(received[0])
    return sweep
