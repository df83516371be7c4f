"""The examples on which a landscape is measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from .._folder.layout import is_folder, path_of
from .._java import jvm
from .._preprocessing import Preprocessing
from .._vae.coding import require_classifier
from ..errors import UsageError
from ..evaluation import examples_for
from ..models import Model, checkpoint_file


def measured_examples(
    network: Model,
    dataset: str | Sequence[npt.NDArray[Any]] | None,
    data_dir: str | os.PathLike[str] | None,
    preprocessing: Preprocessing,
    channels_last: bool | None,
    options: dict[str, Any],
) -> tuple[Any, str | None]:
    """Returns Java's ``Examples`` for the ``split`` of `options` and the preprocessing for Java.

    `options` gets the data set's name. The training examples of a run's own data are those that it was trained on.
    """
    require_classifier(network.info)
    train = options["split"] == "train"
    recipe = network.recipe if train and dataset is None else None
    limit = None if recipe is None else recipe.limit
    examples, prepared, _ = examples_for(
        network, dataset, data_dir, limit, preprocessing=preprocessing, channels_last=channels_last, train=train
    )
    if recipe is not None:
        with jvm.translated_errors():
            examples = jvm.bridge().folders().trained(recipe.to_json(), examples)
            known = (network.info.get("data") or {}).get("train")
            if is_folder(recipe.dataset) and known not in (None, str(examples.fingerprint())):
                raise UsageError(
                    f"The images in {path_of(recipe.dataset)} differ from those of the run, so it is unknown which of "
                    "them it was trained on. Restore them, or name a data set."
                )
    options["dataset"] = dataset if dataset is None or isinstance(dataset, str) else "arrays"
    if dataset is None and network.recipe is not None:
        options["dataset"] = network.recipe.dataset
    return examples, prepared


def recorded(model: Model | str | os.PathLike[str]) -> str | None:
    """Returns the path that ``landscape.json`` records for a checkpoint; None for a network in memory."""
    return None if isinstance(model, Model) else os.path.abspath(checkpoint_file(model))
