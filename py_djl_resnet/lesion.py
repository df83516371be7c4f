"""Lesions: the loss and accuracy of a trained network with blocks left out or in another order."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ._draws import deleted, kendall_tau, pairs, shuffled
from ._java import jvm
from ._preprocessing import Preprocessing
from ._tables import counted, csv_text, figure, mean_deviation, text_table
from .checks import LONG, shown, whole_number
from .errors import UsageError
from .evaluation import measurer
from .models import Model, opened

if TYPE_CHECKING:
    from ._plotting.chart import Chart

#: The numbers of blocks that are left out, and of swaps, as far as the network has as many blocks.
DELETE = (1, 2, 3, 5)
SHUFFLE = (1, 5, 10)

#: The columns of the table.
COLUMNS = ("kind", "size", "draw", "blocks", "tau", "loss", "accuracy")


@dataclass(frozen=True)
class Lesions:
    """Loss and accuracy of a network, complete and with lesions.

    Args:
        model: the network's name.
        loss: mean cross-entropy of the complete network.
        accuracy: accuracy of the complete network, in [0, 1].
        seed: the seed of the draws.
        lesions: one row per lesion: ``kind`` (``block``: each block left out in turn; ``delete``: ``size`` random
            blocks left out; ``shuffle``: ``size`` random swaps of equal blocks), ``size``, ``draw`` (from 0),
            ``blocks`` (those left out, or all in their new order), ``tau`` (Kendall's correlation of the new order with
            the old one, in [-1, 1]; None unless shuffled), ``loss`` and ``accuracy``.
    """

    model: str
    loss: float
    accuracy: float
    seed: int
    lesions: list[dict[str, Any]]

    def of(self, kind: str, size: int | None = None) -> list[dict[str, Any]]:
        """Returns the rows of a kind, and of a size if given."""
        return [row for row in self.lesions if row["kind"] == kind and size in (None, row["size"])]

    def summary(self) -> list[dict[str, Any]]:
        """Returns a row for each kind and size, averaged over the draws.

        Its keys are ``kind``, ``size``, ``draws``, ``error`` and ``loss`` (means), ``error_deviation`` and
        ``loss_deviation`` (over the draws; None for a single one) and ``tau`` (mean, or None).
        """
        rows = []
        for kind, size in dict.fromkeys((row["kind"], row["size"]) for row in self.lesions):
            found = self.of(kind, size)
            error, error_deviation = mean_deviation([1 - row["accuracy"] for row in found])
            loss, loss_deviation = mean_deviation([row["loss"] for row in found])
            tau, _ = mean_deviation([row["tau"] for row in found if row["tau"] is not None])
            rows.append(
                {"kind": kind, "size": size, "draws": len(found)}
                | {"error": error, "error_deviation": error_deviation}
                | {"loss": loss, "loss_deviation": loss_deviation, "tau": tau}
            )
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Returns ``{"model", "loss", "accuracy", "seed", "lesions": [...], "summary": [...]}`` for JSON."""
        return asdict(self) | {"summary": self.summary()}

    def to_csv(self) -> str:
        """Returns a table with the columns kind, size, draw, blocks, tau, loss, accuracy; the complete network first.

        The names of blocks are separated by spaces.
        """
        rows = [row | {"blocks": " ".join(row["blocks"])} for row in self.lesions]
        return csv_text(
            COLUMNS,
            [
                ("none", 0, 0, "", None, self.loss, self.accuracy),
                *([row[column] for column in COLUMNS] for row in rows),
            ],
        )

    def plot(self, path: str | os.PathLike[str] | None = None) -> Chart:
        """Draws the errors, and writes the figure to `path` (.png, .svg, .pdf) if given."""
        from ._plotting.lesions import plot_lesions

        return plot_lesions([(self.model, self)], path)

    def __str__(self) -> str:
        rows: list[Sequence[str]] = [("lesion", "draws", "tau", "error", "loss")]
        rows.append(("none", "", "", f"{1 - self.accuracy:.3f}", f"{self.loss:.3f}"))
        rows += [
            (row["blocks"][0], "", "", f"{1 - row['accuracy']:.3f}", f"{row['loss']:.3f}") for row in self.of("block")
        ]
        for row in self.summary():
            if row["kind"] != "block":
                rows.append(
                    (
                        described(row["kind"], row["size"]),
                        str(row["draws"]),
                        "" if row["tau"] is None else f"{row['tau']:.2f}",
                        figure(row["error"], row["error_deviation"], ".3f"),
                        figure(row["loss"], row["loss_deviation"], ".3f"),
                    )
                )
        return text_table(rows, right=(1, 2, 3, 4))


def lesions(
    model: Model | str | os.PathLike[str],
    dataset: str | Sequence[npt.NDArray[Any]] | None = None,
    *,
    delete: Sequence[int] | None = None,
    shuffle: Sequence[int] | None = None,
    draws: int = 10,
    seed: int = 0,
    data_dir: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    batch_size: int = 256,
    preprocessing: Preprocessing = None,
    channels_last: bool | None = None,
    device: str = "auto",
    engine: str | None = None,
    done: Iterable[dict[str, Any]] = (),
    callback: Callable[[dict[str, Any]], None] | None = None,
) -> Lesions:
    """Evaluates a network on test data without each block, without random blocks, and with equal blocks swapped.

    In a residual network, the shortcut of a block that is left out stays, even if it is a projection. In a plain
    network, a block that keeps the shape is left out entirely. Blocks that change the shape are never swapped. Each
    draw is a function of the seed, its kind, its size and its number.

    Source: Veit et al., "Residual Networks Behave Like Ensembles of Relatively Shallow Networks", 2016, sections 4.1
    to 4.3.

    Args:
        model: a network, a checkpoint file or a run folder.
        dataset: as in :func:`evaluate`.
        delete: numbers of random blocks to leave out; None for 1, 2, 3 and 5 where there are as many.
        shuffle: numbers of random swaps; None for 1, 5 and 10 if there are equal blocks.
        draws: how often each number is drawn, at least 1.
        seed: of the draws.
        data_dir: the folder of the data set's files; None for the recipe's, or the package's.
        limit: the largest number of examples; None for all.
        batch_size: examples per batch, at least 1.
        preprocessing: as in :func:`evaluate`.
        channels_last: as in :func:`evaluate`.
        device: for a checkpoint: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: for a checkpoint: ``pytorch`` or ``mxnet``; None for the running one, else ``pytorch``.
        done: rows of an earlier call with the same arguments, which are not measured again.
        callback: called with each new row as soon as it is measured.

    Raises:
        UsageError: as in :func:`evaluate`, a network without blocks, or more blocks or swaps than it allows.
    """
    draws = whole_number(draws, "draws")
    seed = whole_number(seed, "seed", -LONG - 1, LONG)
    known = {(row["kind"], row["size"], row["draw"], tuple(row["blocks"])): row for row in done}
    with opened(model, device, engine) as network:
        blocks = _Blocks(network)
        planned = blocks.plan(delete, shuffle, draws, seed)
        measure = measurer(
            network, dataset, data_dir, limit, batch_size, preprocessing=preprocessing, channels_last=channels_last
        )
        whole = measure(())
        rows = []
        for row in planned:
            key = (row["kind"], row["size"], row["draw"], tuple(row["blocks"]))
            if key in known:
                rows.append(known[key])
                continue
            with blocks.arranged(row) as bypass:
                found = measure(bypass)
            rows.append(row | {"loss": found.loss, "accuracy": found.accuracy})
            if callback is not None:
                callback(rows[-1])
        return Lesions(network.name, whole.loss, whole.accuracy, seed, rows)


def require_blocks(network: Model, delete: Sequence[int] | None, shuffle: Sequence[int] | None) -> None:
    """Raises :class:`UsageError` unless :func:`lesions` can leave out and swap so many blocks of the network."""
    _Blocks(network).plan(delete, shuffle, draws=1, seed=0)


class _Blocks:
    """The blocks of a network that can be left out or swapped."""

    def __init__(self, network: Model) -> None:
        self.network = network
        with jvm.translated_errors():
            places = json.loads(str(network.handle.stageBlocks()))
        self.order = [str(place["block"]) for place in places]
        self.pairs = pairs([place["group"] for place in places])
        residual = network.residual_blocks
        self.bypasses = bool(residual)
        self.removable = residual or [str(place["block"]) for place in places if place["keeps_shape"]]
        if not self.removable:
            raise UsageError(
                f"{network.name} has no blocks that can be left out. Give the checkpoint of a residual network, or of "
                "a plain one such as study-plain20."
            )

    def plan(
        self, delete: Sequence[int] | None, shuffle: Sequence[int] | None, draws: int, seed: int
    ) -> list[dict[str, Any]]:
        """Returns the rows to measure, without results."""
        most = len(self.removable)
        sizes = [size for size in DELETE if size <= most] if delete is None else checked_sizes(delete, "delete", most)
        if shuffle is None:
            swaps: Sequence[int] = SHUFFLE if self.pairs else ()
        else:
            swaps = checked_sizes(shuffle, "shuffle")
            if swaps and not self.pairs:
                raise UsageError(f"{self.network.name} has no two equal blocks to swap. Omit --shuffle.")
        rows = [_row("block", 1, draw, [name]) for draw, name in enumerate(self.removable)]
        for size in sizes:
            rows += [_row("delete", size, d, deleted(self.removable, size, seed, d)) for d in range(draws)]
        for size in swaps:
            for draw in range(draws):
                order = shuffled(self.order, self.pairs, size, seed, draw)
                tau = kendall_tau([self.order.index(name) for name in order])
                rows.append(_row("shuffle", size, draw, order) | {"tau": tau})
        return rows

    @contextmanager
    def arranged(self, row: dict[str, Any]) -> Iterator[list[str]]:
        """Arranges the network for a row, and yields the blocks to bypass in it."""
        order, bypass = self.order, []
        if row["kind"] == "shuffle":
            order = row["blocks"]
        elif self.bypasses:
            bypass = row["blocks"]
        else:
            order = [name for name in self.order if name not in row["blocks"]]
        self._arrange(order)
        try:
            yield bypass
        finally:
            self._arrange(self.order)

    def _arrange(self, order: list[str]) -> None:
        with jvm.translated_errors():
            self.network.handle.arrange(order)


def described(kind: str, size: int) -> str:
    """Returns what a lesion is, in words."""
    if kind == "shuffle":
        return counted(size, "swap")
    return f"{counted(size, 'block')} left out"


def row_text(row: Mapping[str, Any]) -> str:
    """Returns a measured row in words."""
    if row["kind"] == "block":
        what = f"without {row['blocks'][0]}"
    else:
        what = f"{described(row['kind'], row['size'])}, draw {row['draw'] + 1}"
    return f"{what}: accuracy {row['accuracy']:.3f}"


def _row(kind: str, size: int, draw: int, blocks: Sequence[str]) -> dict[str, Any]:
    return {"kind": kind, "size": size, "draw": draw, "blocks": list(blocks), "tau": None}


def checked_sizes(values: Any, name: str, most: int = LONG) -> list[int]:
    """Returns `values` without repetitions if they are whole numbers from 1 to `most`."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise UsageError(f"{name} must be whole numbers such as [1, 2, 3]. Received: {shown(values)}.")
    return list(dict.fromkeys(whole_number(value, name, most=most) for value in values))
