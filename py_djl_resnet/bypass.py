"""Block ablation: the accuracy of a trained network without each residual block."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ._preprocessing import Preprocessing
from ._tables import csv_text, text_table
from .errors import UsageError
from .evaluation import measurer
from .models import Model, opened

if TYPE_CHECKING:
    from ._plotting.chart import Chart


@dataclass(frozen=True)
class BypassCosts:
    """Loss and accuracy of a network, complete and without each residual block.

    Args:
        model: the network's name.
        loss: mean cross-entropy of the complete network.
        accuracy: accuracy of the complete network, in [0, 1].
        blocks: for each ``block``, the ``loss`` and ``accuracy`` without it, and its ``cost``, the accuracy lost.
    """

    model: str
    loss: float
    accuracy: float
    blocks: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Returns ``{"model", "loss", "accuracy", "blocks": [{"block", "loss", "accuracy", "cost"}]}`` for JSON."""
        return asdict(self)

    def to_csv(self) -> str:
        """Returns a table with the columns block, loss, accuracy, cost; the complete network comes first, unnamed."""
        columns = ("block", "loss", "accuracy", "cost")
        rows = [[row[column] for column in columns] for row in self.blocks]
        return csv_text(columns, [("", self.loss, self.accuracy, 0.0), *rows])

    def plot(self, path: str | os.PathLike[str] | None = None) -> Chart:
        """Draws the accuracy without each block, and writes it to `path` (.png, .svg, .pdf) if given."""
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
    """Evaluates a network on test data, complete and without each residual block in turn.

    The shortcut of a removed block stays, even if it is a projection (Veit et al., "Residual Networks Behave Like
    Ensembles of Relatively Shallow Networks", 2016).

    Args:
        model: a network, a checkpoint file or a run folder.
        dataset: as in :func:`evaluate`.
        data_dir: the folder of the data set's files; None for the recipe's, or the package's.
        limit: the largest number of examples; None for all.
        batch_size: examples per batch, at least 1.
        preprocessing: as in :func:`evaluate`.
        channels_last: as in :func:`evaluate`.
        device: for a checkpoint: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: for a checkpoint: ``pytorch`` or ``mxnet``; None for the running one, else ``pytorch``.
        callback: called with the row of each block as soon as it is measured.

    Raises:
        UsageError: as in :func:`evaluate`, or a network without shortcuts.
    """
    with opened(model, device, engine) as network:
        names = network.residual_blocks
        if not names:
            raise UsageError(
                f"{network.name} has no shortcuts, so no block can be removed. Give the checkpoint of a residual "
                "network."
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
