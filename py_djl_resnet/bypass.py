"""Block ablation: the accuracy of a trained network without each residual block."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ._preprocessing import Preprocessing
from .errors import UsageError
from .evaluation import measurer, opened
from .models import Model
from .summary import text_table

if TYPE_CHECKING:
    from ._plotting.chart import Chart


@dataclass(frozen=True)
class BypassCosts:
    """Loss and accuracy of a network with one residual block left out at a time.

    Args:
        model: the network's name.
        loss: mean cross-entropy of the whole network.
        accuracy: that of the whole network, in [0, 1].
        blocks: for each ``block``, ``loss``, ``accuracy`` without it and ``cost``, the accuracy that
            is lost.
    """

    model: str
    loss: float
    accuracy: float
    blocks: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """``{"model", "loss", "accuracy", "blocks": [{"block", "loss", "accuracy", "cost"}]}``, ready for JSON."""
        return {"model": self.model, "loss": self.loss, "accuracy": self.accuracy, "blocks": self.blocks}

    def to_csv(self) -> str:
        """A table with the columns block, loss, accuracy, cost; the whole network's row names no block."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("block", "loss", "accuracy", "cost"))
        table.writerow(("", self.loss, self.accuracy, 0.0))
        table.writerows((row["block"], row["loss"], row["accuracy"], row["cost"]) for row in self.blocks)
        return text.getvalue()

    def plot(self, path: str | os.PathLike[str] | None = None) -> Chart:
        """The accuracy without each block as a figure, written to `path` (.png, .svg, .pdf) if given."""
        from ._plotting.figures import plot_bypass

        return plot_bypass(self.accuracy, [(row["block"], row["accuracy"]) for row in self.blocks], path)

    def __str__(self) -> str:
        rows = [("without", "loss", "accuracy", "cost")]
        rows.append(("-", f"{self.loss:.3f}", f"{self.accuracy:.3f}", ""))
        rows += [
            (row["block"], f"{row['loss']:.3f}", f"{row['accuracy']:.3f}", f"{row['cost']:+.3f}") for row in self.blocks
        ]
        return text_table(rows, right=(1, 2, 3))


def bypass_costs(
    model: Model | str | os.PathLike[str],
    dataset: str | Sequence[npt.NDArray[Any]] | None = None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    batch_size: int = 256,
    preprocessing: Preprocessing = None,
    channels_last: bool | None = None,
    device: str = "auto",
    engine: str | None = None,
    callback: Callable[[dict[str, Any]], None] | None = None,
) -> BypassCosts:
    """Measures a network on test data, whole and with each residual block in turn left out.

    Of a block that is left out the shortcut is kept, also where it is a projection (Veit et al.,
    "Residual Networks Behave Like Ensembles of Relatively Shallow Networks", 2016).

    Args:
        model: a network, a checkpoint's file or a run folder.
        dataset: a data set's name, or a pair of images and labels; None takes the data set that the
            network was trained on.
        data_dir: the folder of the data set's files; None takes the recipe's, or the package's.
        limit: the most examples; None takes all.
        batch_size: examples that are computed at once, at least 1.
        preprocessing: as of :func:`evaluate`.
        channels_last: as of :func:`evaluate`.
        device: for a checkpoint: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: for a checkpoint: ``pytorch`` or ``mxnet``; None for the one that runs, else
            ``pytorch``.
        callback: is given the row of each block as soon as it is measured.

    Raises:
        UsageError: as :func:`evaluate`, or a network without shortcuts.
    """
    with opened(model, device, engine) as network:
        names = network.residual_blocks
        if not names:
            raise UsageError(
                f"a {network.name} has no shortcuts: without a block nothing would reach the next; "
                "give a residual network's checkpoint"
            )
        measure = measurer(
            network, dataset, data_dir, limit, batch_size, preprocessing=preprocessing, channels_last=channels_last
        )
        whole = measure(())
        blocks = []
        for name in names:
            without = measure((name,))
            cost = whole.accuracy - without.accuracy
            blocks.append({"block": name, "loss": without.loss, "accuracy": without.accuracy, "cost": cost})
            if callback is not None:
                callback(blocks[-1])
        return BypassCosts(network.name, whole.loss, whole.accuracy, blocks)


def write_csv(costs: BypassCosts, path: str | os.PathLike[str]) -> None:
    """Writes the table to a file; its folder is made.

    Raises:
        UsageError: the file cannot be written.
    """
    file = Path(path)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(costs.to_csv(), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"table {file} cannot be written: {error.strerror or error}; choose another file") from error
