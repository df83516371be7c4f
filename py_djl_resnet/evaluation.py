"""Evaluation of networks on test data."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._folder.data import examples_to_evaluate
from ._folder.layout import is_folder
from ._java import jvm
from ._precision import warn_if_slow
from ._preprocessing import Preprocessing, chosen
from ._tables import text_table
from ._vae.coding import require_classifier
from .checks import checked_path, checked_text, checked_views, listed, require_distinct, shown, whole_number
from .datasets import ARRAYS, LabelledImages, checked_examples, from_arrays, limited, named, require_arrays
from .errors import UsageError
from .models import Model, opened

if TYPE_CHECKING:
    from ._plotting.chart import Chart


@dataclass(frozen=True)
class Evaluation:
    """Loss, accuracy, and precision, recall and F1 of each class.

    Args:
        loss: mean cross-entropy over the examples.
        accuracy: in [0, 1].
        classes: ``name``, ``precision``, ``recall``, ``f1`` and ``support`` of each class.
        confusion_matrix: counts, int64 (classes, classes), a row per true class.
    """

    loss: float
    accuracy: float
    classes: list[dict[str, Any]]
    confusion_matrix: npt.NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """Returns ``{"loss", "accuracy", "classes": [...], "confusion_matrix"}``, ready for JSON."""
        return asdict(self) | {"confusion_matrix": self.confusion_matrix.tolist()}

    def plot(self, path: str | os.PathLike[str] | None = None) -> Chart:
        """Draws the confusion matrix, and writes it to `path` (.png, .svg, .pdf) if given."""
        from ._plotting.figures import plot_confusion

        return plot_confusion(self.confusion_matrix, [c["name"] for c in self.classes], path)

    def __str__(self) -> str:
        names = [str(c["name"]) for c in self.classes]
        keys = ("precision", "recall", "f1")
        rows: list[Sequence[str]] = [("class", *keys, "support")]
        rows += [(str(c["name"]), *(_figure(c[key]) for key in keys), str(c["support"])) for c in self.classes]
        counts = [["true \\ predicted", *(str(i) for i in range(len(names)))]]
        counts += [
            [f"{i} {name}", *(str(n) for n in row)]
            for i, (name, row) in enumerate(zip(names, self.confusion_matrix, strict=True))
        ]
        columns = range(1, max(len(counts[0]), 5))
        return "\n".join(
            [
                f"loss {self.loss:.3f}, accuracy {self.accuracy:.3f}, {int(self.confusion_matrix.sum())} examples",
                "",
                text_table(rows, columns),
                "",
                text_table(counts, columns),
            ]
        )


def evaluate(
    model: Model | str | os.PathLike[str],
    dataset: str | Sequence[npt.NDArray[Any]] | None = None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    batch_size: int = 256,
    bypass: Sequence[str] = (),
    preprocessing: Preprocessing = None,
    channels_last: bool | None = None,
    precision: str = "float32",
    skip_bad: bool = False,
    tta: str | None = None,
    device: str = "auto",
    engine: str | None = None,
) -> Evaluation:
    """Evaluates a network on test data.

    Args:
        model: a network, a checkpoint file or a run folder.
        dataset: a data set's name; ``folder:DIR``; test images and labels; or the four arrays of :func:`train`, whose
            last two are used. None for the training data set. Labels are numbers, or texts from the network's
            class names. A folder uses the images in ``test``, else ``val``, else those that the run held out, else all.
        data_dir: the folder of the data set's files; None for the recipe's, or the package's.
        limit: the largest number of examples; None for all.
        batch_size: examples per batch, at least 1.
        bypass: names of residual blocks, such as ``layer3.2``, to replace by their shortcuts.
        preprocessing: ``torchvision``, ``plain:N`` (stretched to N by N), a JSON file or a dict of its content; None
            for the network's own. Float arrays are expected in [0, 1].
        channels_last: whether arrays are (N, H, W, C); None for (N, C, H, W) unless their shape is ambiguous.
        precision: of convolutions and activations: ``float32``, ``bfloat16`` or ``auto``.
        skip_bad: for a folder of images: whether to leave out those that cannot be decoded.
        tta: test-time augmentation: ``flip``, ``shift`` or ``flip,shift`` averages the logits of several views of each
            image (docs/augmentation.md). None for the image alone.
        device: for a checkpoint: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: for a checkpoint: ``pytorch`` or ``mxnet``; None for the running one, else ``pytorch``.

    Raises:
        UsageError: no such checkpoint, data set or block, damaged files, arrays that do not fit, or no preprocessing
            for a network that does not record one.
    """
    with opened(model, device, engine) as network:
        measure = measurer(
            network,
            dataset,
            data_dir,
            limit,
            batch_size,
            preprocessing=preprocessing,
            channels_last=channels_last,
            precision=precision,
            skip_bad=skip_bad,
            tta=tta,
        )
        return measure(bypass)


def measurer(
    network: Model,
    dataset: str | Sequence[npt.NDArray[Any]] | None,
    data_dir: str | os.PathLike[str] | None,
    limit: int | None,
    batch_size: int,
    *,
    preprocessing: Preprocessing = None,
    channels_last: bool | None = None,
    precision: str = "float32",
    skip_bad: bool = False,
    tta: str | None = None,
) -> Callable[[Sequence[str]], Evaluation]:
    """Reads the data of :func:`evaluate` once. The returned function evaluates the network without some blocks."""
    require_classifier(network.info)
    views = checked_views(tta)
    batch_size = whole_number(batch_size, "batch_size")
    examples, prepared, _ = examples_for(
        network,
        dataset,
        data_dir,
        limit,
        preprocessing=preprocessing,
        channels_last=channels_last,
        skip_bad=skip_bad,
    )

    warn_if_slow(checked_text(precision, "precision"))

    def measure(bypass: Sequence[str]) -> Evaluation:
        if isinstance(bypass, str) or not all(isinstance(name, str) for name in bypass):
            raise UsageError(f"bypass must be names of blocks such as ['layer3.2']. Received: {shown(bypass)}.")
        require_distinct(bypass, "bypass")
        with jvm.translated_errors():
            blocks = list(bypass)
            text = str(jvm.bridge().evaluate(network.handle, examples, batch_size, blocks, prepared, precision, views))
        form = json.loads(text)
        matrix = np.array(form["confusion_matrix"], dtype=np.int64)
        return Evaluation(form["loss"], form["accuracy"], form["classes"], matrix)

    return measure


def examples_for(
    network: Model,
    dataset: str | Sequence[npt.NDArray[Any]] | None,
    data_dir: str | os.PathLike[str] | None,
    limit: int | None,
    *,
    preprocessing: Preprocessing = None,
    channels_last: bool | None = None,
    skip_bad: bool = False,
    train: bool = False,
) -> tuple[Any, str | None, str]:
    """Returns Java's ``Examples`` for the arguments of :func:`evaluate`, the preprocessing for Java, and the part.

    With `train` they are training examples, of four arrays the first two. The part is ``test``, ``train`` or, of a
    folder, also ``validation`` or ``all``.
    """
    part = "train" if train else "test"
    prepared = chosen(preprocessing, network.preprocessing, network.name)
    if limit is not None:
        limit = whole_number(limit, "limit")
    arrays = None if dataset is None or isinstance(dataset, str) else _arrays(dataset, network.class_names, train)
    recipe = network.recipe
    if arrays is not None:
        checked = checked_examples(*arrays, part, channels_last)
        # an autoencoder need not know classes
        names = network.class_names or [str(number) for number in range(int(checked[1].max()) + 1)]
        examples = limited(from_arrays(checked, names, part), limit)
    else:
        if dataset is None and recipe is None:
            raise UsageError(
                f"This {network.name} records no data set, because this package did not train it. Name one, or "
                "pass images and labels."
            )
        name = str(dataset) if recipe is None or dataset is not None else recipe.dataset
        folder = checked_path(data_dir, "data_dir") if data_dir is not None else None
        if folder is None and recipe is not None and name == recipe.dataset:
            folder = recipe.data_dir
        if name == ARRAYS:
            raise UsageError(
                f"This {network.name} was trained on arrays, which its checkpoint does not contain. Name a data set, "
                "or pass images and labels."
            )
        if is_folder(name):
            if data_dir is not None:
                raise UsageError(f"data_dir cannot be combined with a folder of images. Received: {folder}. Omit it.")
            with jvm.translated_errors():
                steps = str(network.handle.preprocessing(prepared))
            examples, part = examples_to_evaluate(
                name,
                network.class_names or None,
                steps,
                recipe,
                network.info.get("data"),
                limit=limit,
                train=train,
                skip_bad=skip_bad or (recipe is not None and recipe.skip_bad and name == recipe.dataset),
            )
        else:
            examples = named(name, folder, train=train, limit=limit)
    return examples, prepared, part


def _arrays(dataset: Any, class_names: Sequence[str], train: bool) -> LabelledImages:
    """Returns the images and labels for testing or training, labels as numbers."""
    require_arrays(dataset, (2, 4), "a data set's name, images and labels, or the four arrays of train")
    images, labels = dataset[:2] if train else dataset[-2:]
    return images, _numbered(labels, class_names)


def _numbered(labels: Any, class_names: Sequence[str]) -> Any:
    """Replaces class names among labels by their numbers; anything else is returned unchanged."""
    if not isinstance(labels, (np.ndarray, list, tuple)) or not len(labels) or not isinstance(labels[0], str):
        return labels
    numbers = {name: number for number, name in enumerate(class_names) if class_names.count(name) == 1}
    for index, label in enumerate(labels):
        if label not in numbers:
            raise UsageError(
                f"Unknown label at index {index}. Received: {shown(label)}. Allowed: numbers, or distinct class names "
                f"of the network: {listed(class_names)}."
            )
    return np.array([numbers[label] for label in labels])


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
