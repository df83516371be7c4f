"""The norms of gradients, weights and updates per step, ``gradients.csv``."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .checks import nearest, require_no_pipe
from .errors import UsageError

if TYPE_CHECKING:
    from ._plotting.chart import Chart

#: The name of the rows for all trained parameters together.
GLOBAL = "global"

#: The columns with numbers; all except the first are 2-norms or their ratio.
COLUMNS = ("step", "gradient_norm", "weight_norm", "update_ratio")

_HEADER = ["step", "epoch", "name", *COLUMNS[1:]]


@dataclass(frozen=True)
class Gradients:
    """The norms that ``train --debug-gradients`` recorded, by parameter.

    ``gradients["conv1.weight"]["gradient_norm"]`` is a curve over ``gradients["conv1.weight"]["step"]``.

    Attributes:
        by_name: for ``global`` and each trained parameter the columns ``step``, ``gradient_norm``, ``weight_norm`` and
            ``update_ratio`` (norm of the change divided by the weight norm; NaN for weights of norm 0), float64.
    """

    by_name: Mapping[str, Mapping[str, npt.NDArray[np.float64]]]

    def __getitem__(self, name: str) -> Mapping[str, npt.NDArray[np.float64]]:
        if name not in self.by_name:
            raise UsageError(
                f"No gradients of this name were recorded. Received: {name!r}.{nearest(name, self.by_name)} Allowed: "
                f"{', '.join(self.by_name)}."
            )
        return self.by_name[name]

    def plot(self, path: str | os.PathLike[str] | None = None, names: Sequence[str] | None = None) -> Chart:
        """Draws a panel for each column, with a curve over the steps for each name.

        Args:
            path: a file to write, ending in .png, .svg or .pdf; None writes nothing.
            names: the parameters to draw; None for ``global`` and all weights.
        """
        from ._plotting.gradients import plot_gradients

        if names is None:
            names = [name for name in self.by_name if name == GLOBAL or name.endswith(".weight")]
        return plot_gradients({name: self[name] for name in names}, path)


def read_gradients(file: Path) -> Gradients:
    """Returns the norms in a ``gradients.csv``."""
    require_no_pipe(file)
    columns: dict[str, list[tuple[float, ...]]] = {}
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            reader = csv.reader(stream, strict=True)
            if next(reader, None) != _HEADER:
                raise ValueError("the first line is not " + ",".join(_HEADER))
            for step, _, name, *norms in reader:
                numbers = (float(step), *(float(norm) if norm else np.nan for norm in norms))
                columns.setdefault(name, []).append(numbers)
        by_name = {name: dict(zip(COLUMNS, np.array(rows).T, strict=True)) for name, rows in columns.items()}
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}. Give the folder of a training run.") from error
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{file} is not a table of gradients: {error}.") from error
    return Gradients(by_name)
