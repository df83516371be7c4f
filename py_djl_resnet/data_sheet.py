"""The classes, statistics and images of a data set."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._folder.data import FolderData, with_split
from ._folder.layout import is_folder
from ._java import jvm
from ._tables import text_table
from .checks import checked_text
from .datasets import ARRAYS, named
from .errors import UsageError
from .recipe import Recipe
from .settings import absolute_paths

if TYPE_CHECKING:
    from ._plotting.chart import Chart

#: The largest numbers of classes and of images per class on a contact sheet.
_ROWS, _COLUMNS = 20, 6


@dataclass(frozen=True)
class DataSheet:
    """The classes and statistics of a data set.

    Attributes:
        dataset: its name.
        classes: ``name`` and the number of images in each part, such as ``train`` and ``test``.
        shape: channels, height and width of the images; empty if they differ in size.
        mean: the mean of each channel over all pixels of the training images as they are stored, from 0 to 1.
        deviation: the standard deviation of each channel over the same pixels.
        preprocessing: the steps by which the recipe's network prepares images, as :attr:`Model.info` has them. Its
            ``mean`` and ``deviation`` are those that a run normalizes by, or None; for ``normalize``, they are computed
            from up to 5,000 prepared training images.
        ignored: the number of files in a folder that are not images.
    """

    dataset: str
    classes: list[dict[str, Any]]
    shape: list[int]
    mean: list[float]
    deviation: list[float]
    preprocessing: dict[str, Any]
    ignored: int
    _images: Any = field(repr=False, compare=False)
    _recipe: Recipe = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes, ready for JSON."""
        keys = ("dataset", "classes", "shape", "mean", "deviation", "preprocessing", "ignored")
        return {key: getattr(self, key) for key in keys}

    def images(self, indices: Sequence[int]) -> npt.NDArray[np.float32]:
        """Returns training images at the network's input size, (N, C, H, W) from 0 to 1."""
        steps = json.dumps(self.preprocessing | {"mean": None, "deviation": None})
        with jvm.translated_errors():
            return self._array(self._images.prepared(steps, list(indices)), indices)

    def inputs(self, indices: Sequence[int], epoch: int = 1) -> npt.NDArray[np.float32]:
        """Returns the network's inputs for training images in an epoch, augmented and normalized, (N, C, H, W)."""
        with jvm.translated_errors():
            return self._array(self._images.inputs(self._recipe.to_json(), list(indices), epoch - 1), indices)

    def _array(self, buffer: Any, indices: Sequence[int]) -> npt.NDArray[np.float32]:
        shape = [len(indices), *self._images.inputShape(json.dumps(self.preprocessing))]
        return np.array(jvm.from_direct_buffer(buffer, shape, np.float32))

    def plot(self, path: str | os.PathLike[str] | None = None) -> Chart:
        """Draws a contact sheet: images of the first 20 classes, and the network's inputs for them.

        Writes it to `path` (.png, .svg, .pdf) if given.
        """
        from ._plotting.contact import plot_contact

        rows = min(len(self.classes), _ROWS)
        with jvm.translated_errors():
            labels = np.array(self._images.labels())
        chosen = [np.flatnonzero(labels == row)[:_COLUMNS] for row in range(rows)]
        indices = [int(index) for row in chosen for index in row]
        seen = self.inputs(indices)
        for key, undo in (("deviation", np.multiply), ("mean", np.add)):
            if self.preprocessing[key] is not None:
                seen = undo(seen, np.array(self.preprocessing[key], np.float32)[:, np.newaxis, np.newaxis])
        names = [str(row["name"]) for row in self.classes[:rows]]
        counts = [len(row) for row in chosen]
        title = "Images" if rows == len(self.classes) else f"Images of the first {rows} of {len(self.classes)} classes"
        return plot_contact(names, counts, self.images(indices), seen, (title, self._recipe.model), path)

    def __str__(self) -> str:
        parts = [key for key in self.classes[0] if key != "name"]
        rows: list[Sequence[str]] = [("class", *parts)]
        rows += [(str(row["name"]), *(f"{row[part]:,}" for part in parts)) for row in self.classes]
        totals = [f"{sum(row[part] for row in self.classes):,}" for part in parts]
        rows.append((f"all {len(self.classes)}", *totals))
        size = "x".join(map(str, self.shape)) or "of several sizes"
        lines = [
            f"{self.dataset}: images {size}",
            "",
            text_table(rows, range(1, len(parts) + 1)),
            "",
            f"mean      {_digits(self.mean)}",
            f"deviation {_digits(self.deviation)}",
        ]
        if self.preprocessing["mean"] is not None:
            of_network = [_digits(self.preprocessing[key]) for key in ("mean", "deviation")]
            lines.append(f"{self._recipe.model} normalizes by mean {of_network[0]}, deviation {of_network[1]}")
        if self.ignored:
            lines.append(f"ignored files that are not images: {self.ignored:,}")
        return "\n".join(lines)


def _digits(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)


def data_sheet(
    dataset: str,
    recipe: Recipe | None = None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    skip_bad: bool = False,
) -> DataSheet:
    """Reads a data set and describes it.

    Args:
        dataset: a data set's name, or ``folder:DIR``.
        recipe: determines how images are prepared; None prepares them for ``resnet18``. Its data set is ignored.
        data_dir: the folder of a named data set's files.
        skip_bad: for a folder: whether to leave out images that cannot be decoded, even if the recipe does not.

    Raises:
        UsageError: there is no such data set, or its files are missing or damaged.
    """
    if checked_text(dataset, "dataset") == ARRAYS:
        raise UsageError("Arrays have no name to show. Give a data set's name or folder:DIR.")
    # the usual input size of networks for photographs
    base = Recipe(model="resnet18") if recipe is None else recipe
    wanted = base.replace(dataset=dataset, data_dir=data_dir, skip_bad=skip_bad or base.skip_bad)
    wanted = Recipe(**absolute_paths(asdict(wanted))).checked()
    parts: dict[str, Any]
    ignored = 0
    if is_folder(dataset):
        data = FolderData(wanted)
        parts = {"train": data.train, "validation": data.validation, "test": data.test}
        ignored = len(data.layout.others)
        if max(data.layout.counts("train")) > 2:  # of fewer images of a class, a run holds none out
            wanted = with_split(wanted)
    else:
        parts = {
            part: named(dataset, wanted.data_dir, train=part == "train", limit=wanted.limit)
            for part in ("train", "test")
        }
    with jvm.translated_errors():
        sheets = {part: jvm.bridge().sheet(examples) for part, examples in parts.items() if examples is not None}
        found = json.loads(str(sheets["train"].describe()))
        steps = json.loads(str(sheets["train"].preprocessing(wanted.to_json())))
        counts = {
            part: np.bincount(np.array(sheet.labels()), minlength=len(found["classes"]))
            for part, sheet in sheets.items()
        }
    classes = [
        {"name": name} | {part: int(counts[part][label]) for part in sheets}
        for label, name in enumerate(found["classes"])
    ]
    return DataSheet(
        wanted.dataset,
        classes,
        found["shape"],
        found["mean"],
        found["deviation"],
        steps,
        ignored,
        sheets["train"],
        wanted,
    )
