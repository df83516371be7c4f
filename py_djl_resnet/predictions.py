"""The predictions of a run's final network on its test data, ``predictions.csv``."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._java import jvm
from .checks import whole_number
from .errors import UsageError

if TYPE_CHECKING:
    from ._plotting.chart import Chart

_COLUMNS = ["epoch", "example", "label", "predicted", "probability", "loss"]

#: A further column of runs on a folder of images.
_PATH = "path"


@dataclass(frozen=True)
class Predictions:
    """The prediction of a run's final network for each of N test examples, in the order of the data set.

    Attributes:
        epoch: the number of epochs that the network was trained for.
        labels: the true classes, int64 (N,).
        predicted: the most probable classes, int64 (N,).
        probabilities: those of the predicted classes, float64 (N,).
        losses: the cross-entropies in nats, float64 (N,).
        class_names: a name for each class.
        paths: the image files, relative to the data set's folder; None unless the data set is a folder.
    """

    epoch: int
    labels: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float64]
    class_names: list[str]
    paths: list[str] | None = None

    @property
    def confusion_matrix(self) -> npt.NDArray[np.int64]:
        """The number of examples by true class (row) and predicted class (column), int64 (classes, classes)."""
        classes = len(self.class_names)
        counts = np.bincount(self.labels * classes + self.predicted, minlength=classes * classes)
        return counts.reshape(classes, classes).astype(np.int64)

    def mistakes(self, count: int = 20) -> npt.NDArray[np.int64]:
        """Returns the indices of at most `count` misclassified examples, in order of decreasing loss."""
        wrong = np.flatnonzero(self.labels != self.predicted)
        order = np.argsort(-self.losses[wrong], kind="stable")
        found: npt.NDArray[np.int64] = wrong[order][: whole_number(count, "count")]
        return found

    def plot_confusion(self, path: str | os.PathLike[str] | None = None) -> Chart:
        """Draws the confusion matrix, and writes it to `path` (.png, .svg, .pdf) if given."""
        from ._plotting.figures import plot_confusion

        return plot_confusion(self.confusion_matrix, self.class_names, path, f"Epoch {self.epoch}: accuracy")

    def plot_mistakes(
        self,
        images: Sequence[npt.NDArray[Any]],
        path: str | os.PathLike[str] | None = None,
    ) -> Chart:
        """Draws the images of the first :meth:`mistakes`, each (C, H, W) in [0, 1], and the names of their files."""
        from ._plotting.mistakes import plot_mistakes

        indices = self.mistakes(max(len(images), 1))
        names = self.class_names
        captions = [(names[self.labels[i]], f"{names[self.predicted[i]]} {self.probabilities[i]:.0%}") for i in indices]
        wrong = int((self.labels != self.predicted).sum())
        files = [] if self.paths is None else [self.paths[i].rpartition("/")[2] for i in indices]
        return plot_mistakes(images, captions, wrong, len(self.labels), path, files)


def read_predictions(text: str, class_names: list[str], source: str) -> Predictions:
    """Returns the predictions in the text of a ``predictions.csv``."""
    try:
        header, *rows = csv.reader(io.StringIO(text), strict=True)
        if header not in (_COLUMNS, [*_COLUMNS, _PATH]):
            raise ValueError(f"the columns are {', '.join(header)}")
        columns = list(zip(*rows, strict=True))
        labels, predicted = (np.array(columns[i], np.int64) for i in (2, 3))
        probabilities, losses = (np.array(columns[i], np.float64) for i in (4, 5))
        epoch = int(columns[0][0])
        if not all(each.min() >= 0 and each.max() < len(class_names) for each in (labels, predicted)):
            raise ValueError(f"a class is not from 0 to {len(class_names) - 1}")
    except (ValueError, IndexError, csv.Error) as error:
        raise UsageError(f"{source} is not a table of predictions: {error}.") from error
    paths = list(columns[6]) if _PATH in header else None
    return Predictions(epoch, labels, predicted, probabilities, losses, class_names, paths)


def images_of(examples: Any, indices: Sequence[int]) -> list[npt.NDArray[np.float32]]:
    """Returns images of Java's ``Examples``, (C, H, W); bytes are divided by 255."""
    images = []
    with jvm.translated_errors():
        for index in indices:
            image = jvm.bridge().image(examples, int(index))
            shape = tuple(int(size) for size in image.shape())
            images.append(np.array(jvm.from_direct_buffer(image.pixels(), shape, np.dtype(np.float32))))
    return images
