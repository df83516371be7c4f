"""Classification of images: files, folders, Pillow images, arrays."""

from __future__ import annotations

import os

from ._classification import Prediction
from ._inputs import Images
from ._preprocessing import Preprocessing
from .models import Model, opened

__all__ = ["Prediction", "predict"]


def predict(
    model: Model | str | os.PathLike[str],
    images: Images,
    top_k: int = 3,
    *,
    preprocessing: Preprocessing = None,
    invert: bool = False,
    tta: str | None = None,
    device: str = "auto",
    engine: str | None = None,
) -> list[Prediction]:
    """Classifies images of any size, grey or colour.

    Args:
        model: a network, a checkpoint file or a run folder.
        images: an image, or several in a list: files; folders, which mean the images in them; Pillow images;
            arrays (H, W) or (H, W, C), uint8 or floats in [0, 1]. Or one array of several images, (N, H, W) or
            (N, H, W, C).
        top_k: the number of classes to return, at least 1; a larger number returns all.
        preprocessing: as in :func:`evaluate`.
        invert: whether to swap light and dark, for dark-on-light images if the network knows light on dark, as in
            Fashion-MNIST.
        tta: test-time augmentation, as in :func:`evaluate`.
        device: for a checkpoint: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: for a checkpoint: ``pytorch`` or ``mxnet``; None for the running one, else ``pytorch``.

    Returns:
        A prediction for each readable image, in order.

    Raises:
        UsageError: no such checkpoint or path, no readable image, an array of another type, shape or range, or no
            preprocessing for a network that does not record one.

    Warns:
        ResnetWarning: an image cannot be read or preprocessed; it is skipped.
    """
    with opened(model, device, engine) as network:
        return network.predict(images, top_k, preprocessing=preprocessing, invert=invert, tta=tta)
