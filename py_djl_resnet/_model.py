"""A network in the JVM, called on numpy arrays."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._checkpoint import require_no_run
from ._java import jvm
from ._precision import warn_if_slow
from ._preprocessing import Preprocessing, chosen
from ._vae import coding
from .checks import checked_path, checked_shape, checked_text, whole_number
from .datasets import check_finite, check_size, conversion, require_array
from .errors import UsageError, warn
from .recipe import Recipe
from .summary import Summary
from .weights import export, load_state_dict, require_writable, state_dict

if TYPE_CHECKING:
    from ._classification import Prediction
    from ._inputs import Images

#: Larger inputs are assumed to be from 0 to 255; standardized images stay far below.
_USUAL = 30


class Model:
    """A network in the JVM. Call it on arrays, or let it :meth:`predict` images.

    Created by :func:`create_model`, :func:`load` and a run's ``model``. Its memory is freed when Python drops it, or
    earlier by :meth:`close` or a ``with`` statement.
    """

    def __init__(self, handle: Any, *, owned: bool = True) -> None:
        """Wraps Java's ``NetworkHandle``, which is closed with this object if `owned`."""
        self._handle: Any = handle
        self._finalizer = weakref.finalize(self, jvm.free, handle) if owned else None
        if self._finalizer is not None:
            self._finalizer.atexit = False
        with jvm.translated_errors():
            self._info: dict[str, Any] = json.loads(str(handle.info()))

    def __call__(
        self, x: npt.NDArray[np.float32] | npt.NDArray[np.uint8], *, precision: str = "float32"
    ) -> npt.NDArray[np.float32]:
        """Computes logits with BatchNorm's running statistics.

        Args:
            x: (N, C, H, W). uint8 images, 0 to 255, are preprocessed as in training. float32 is used unchanged: finite,
                scaled and normalized as in training; a C-contiguous array is not copied.
            precision: of convolutions and activations: ``float32``, ``bfloat16``, or ``auto`` for bfloat16 where the
                processor has it.

        Returns:
            float32 (N, classes).

        Raises:
            UsageError: a wrong dtype, rank or number of channels, a value that is not finite, or uint8 images for a
                network that does not record its preprocessing.

        Warns:
            ResnetWarning: float32 values that look like 0 to 255 rather than 0 to 1.
        """
        coding.require_classifier(self._info)
        array = require_array(x, "input")
        if array.dtype not in (np.uint8, np.float32) or not array.dtype.isnative:
            raise UsageError(
                f"input must have dtype uint8 (0 to 255) or float32. Received: {array.dtype}. {conversion(array)}"
            )
        if array.ndim != 4 or array.shape[1] != self.in_channels or 0 in array.shape:
            raise UsageError(
                f"input must have shape (N, {self.in_channels}, H, W) with no empty axis. Received: {array.shape}."
            )
        check_size(array, "input")
        checked_text(precision, "precision")
        if array.dtype == np.uint8:
            warn_if_slow(precision)
            return self._logits_of_bytes(array, precision)
        check_finite(array, "input")
        if (most := float(array.max())) > _USUAL:
            warn(f"float32 input is used unchanged, but this one reaches {most:g}. Pass images from 0 to 255 as uint8.")
        array = np.ascontiguousarray(array)
        warn_if_slow(precision)
        with jvm.translated_errors():
            sizes = [int(n) for n in array.shape]
            answer = self.handle.forward(jvm.to_direct_buffer(array), sizes, precision)
            return np.array(jvm.from_direct_buffer(answer, (len(array), self.classes), np.dtype(np.float32)))

    def _logits_of_bytes(self, images: npt.NDArray[Any], precision: str) -> npt.NDArray[np.float32]:
        from ._classification import BATCH, logits

        chosen(None, self.preprocessing, self.name)
        parts = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
        return np.concatenate([logits(self.handle, list(part), self.classes, None, None, precision) for part in parts])

    def predict(
        self,
        images: Images,
        top_k: int = 3,
        *,
        preprocessing: Preprocessing = None,
        invert: bool = False,
        tta: str | None = None,
    ) -> list[Prediction]:
        """Classifies images: files, folders, Pillow images, arrays. See :func:`py_djl_resnet.predict`."""
        from ._classification import classify, warn_of  # Pillow takes time to import

        predictions, problems = classify(self.handle, self._info, images, top_k, preprocessing, invert, tta)
        warn_of(problems)
        return predictions

    def encode(
        self, x: npt.NDArray[np.float32] | npt.NDArray[np.uint8], labels: coding.Labels | None = None
    ) -> tuple[coding.Array, coding.Array]:
        """Returns mean and log variance of an autoencoder's posterior for images, both float32 (N, L).

        Args:
            x: (N, C, H, W): uint8 images, 0 to 255, of any size, or float32 from 0 to 1 of the network's size.
            labels: for a conditional network: the class of each image, or one for all, by number or name.

        Raises:
            UsageError: a classifier, an array of another type, shape or range, or labels that do not fit.
        """
        return coding.encode(self.handle, self._info, x, labels)

    def decode(self, z: npt.NDArray[np.floating], labels: coding.Labels | None = None) -> coding.Array:
        """Returns an autoencoder's images for latent codes (N, L): float32 (N, C, H, W), means of pixels in [0, 1].

        Raises:
            UsageError: as for :meth:`encode`, whose `labels` these are.
        """
        return coding.decode(self.handle, self._info, z, labels)

    def reconstruct(
        self, x: npt.NDArray[np.float32] | npt.NDArray[np.uint8], labels: coding.Labels | None = None
    ) -> coding.Array:
        """Returns an autoencoder's images for the posterior means of images: :meth:`decode` after :meth:`encode`."""
        return self.decode(self.encode(x, labels)[0], labels)

    def sample(self, n: int, seed: int = 0, labels: coding.Labels | None = None) -> coding.Array:
        """Returns an autoencoder's images for codes of a standard normal distribution: float32 (n, C, H, W) in [0, 1].

        Args:
            n: how many; the first of more images are the same.
            seed: of numpy's generator PCG64, whose ``standard_normal((n, L))`` are the codes.
            labels: as for :meth:`encode`; None takes the classes of a conditional network in turn.

        Raises:
            UsageError: as for :meth:`encode`.
        """
        return coding.sample(self.handle, self._info, n, seed, labels)

    def summary(self, shape: Sequence[int], depth: int = 1) -> Summary:
        """Lists the layers with shapes, parameters and multiply-adds for one input shape.

        Args:
            shape: (N, C, H, W); nothing is computed.
            depth: how many levels of nested blocks to list, at least 1.
        """
        sizes, depth = checked_shape(shape), whole_number(depth, "depth")
        with jvm.translated_errors():
            return Summary.from_dict(json.loads(str(self.handle.summary(sizes, depth))))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a checkpoint that :func:`load` and other safetensors readers open.

        Args:
            path: the file; an existing one is replaced unless a run wrote it.

        Raises:
            UsageError: a folder that does not exist or is not writable, or a file of a run.
        """
        file = os.path.abspath(checked_path(path, "path"))
        require_writable(Path(file))
        require_no_run(Path(file))
        with jvm.translated_errors():
            self.handle.save(file)

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Returns the parameters and running statistics under torchvision's names, in its shapes and order.

        Returns:
            float32 arrays, and int64 for ``num_batches_tracked``; copies, which outlive the network.
        """
        return state_dict(self.handle)

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Replaces all parameters and running statistics; an error leaves them unchanged.

        Args:
            state: floating-point arrays as :meth:`state_dict` returns them; they are copied. Names may differ as in a
                file of weights, by a prefix such as ``module.``. ``num_batches_tracked`` may be missing.

        Raises:
            UsageError: missing, unexpected or misshapen arrays, with a list.

        Warns:
            ResnetWarning: some values are not finite.
        """
        load_state_dict(self.handle, state)

    def export(
        self,
        path: str | os.PathLike[str],
        format: str = "safetensors",  # noqa: A002 - the usual word
        *,
        with_preprocessing: bool = False,
        preprocessing: Preprocessing = None,
    ) -> None:
        """Writes the network for other programs.

        Args:
            path: the file; an existing one is replaced unless it is a checkpoint of this package. For ``djl``, a new
                folder.
            format: ``safetensors``, which torchvision's ``load_state_dict`` accepts strictly; ``djl``, a folder that
                DJL's ``Criteria`` and ``Predictor`` serve; ``onnx``, from (N, C, H, W) to logits with N, H and W open.
                Of an autoencoder ``onnx`` writes two files: for ``a.onnx``, ``a-encoder.onnx`` and ``a-decoder.onnx``.
            with_preprocessing: for ``onnx``: whether the file starts with the preprocessing. Its input is then
                ``image``, uint8 (N, H, W, C) of any size, with 1 or 3 channels.
            preprocessing: for ``djl``, and for ``onnx`` with `with_preprocessing`: as in :func:`evaluate`.

        Raises:
            UsageError: an unknown format, an argument that the format does not use, a path that is not writable, an
                unknown preprocessing, or a missing package.
        """
        export(
            self.handle,
            self._info | {"class_names": self.class_names},
            path,
            format,
            with_preprocessing=with_preprocessing,
            preprocessing=preprocessing,
        )

    @property
    def name(self) -> str:
        """The network's name, such as ``d2l-resnet18``."""
        return str(self._info["model"])

    @property
    def residual_blocks(self) -> list[str]:
        """The names of the residual blocks, such as ``layer3.2``, in order; none for a plain network."""
        with jvm.translated_errors():
            return [str(name) for name in json.loads(str(self.handle.residualBlocks()))]

    @property
    def in_channels(self) -> int:
        """Channels of the input."""
        return int(self._info["in_channels"])

    @property
    def classes(self) -> int:
        """Logits of the output; of an autoencoder, the classes that it is conditional on."""
        return int(self._info["classes"])

    @property
    def is_autoencoder(self) -> bool:
        """Whether the network is an autoencoder, described by ``info["autoencoder"]``, not a classifier."""
        return self._info.get("autoencoder") is not None

    @property
    def class_names(self) -> list[str]:
        """A name for each class; its number if unnamed."""
        return [str(n) for n in self._info.get("class_names") or range(self.classes)]

    @property
    def recipe(self) -> Recipe | None:
        """The recipe of its training; None for a network that was not trained."""
        settings = self._info.get("recipe")
        return Recipe.from_settings(settings, "the checkpoint's recipe") if settings else None

    @property
    def image_size(self) -> int | None:
        """Height and width of preprocessed images; None if they differ or are unknown."""
        size = self._info.get("image_size")
        return None if size is None else int(size)

    @property
    def preprocessing(self) -> dict[str, Any] | None:
        """The preprocessing of its images, as docs/weights.md describes it; None if unknown."""
        found = self._info.get("preprocessing")
        return None if found is None else dict(found)

    @property
    def info(self) -> dict[str, Any]:
        """The checkpoint's description of the network: ``model``, ``classes``, ``epoch``, ..."""
        return dict(self._info)

    @property
    def handle(self) -> Any:
        """Java's ``NetworkHandle``, for internal use."""
        jvm.require_no_fork()
        if self._handle is None:
            raise UsageError(f"This {self.name} is closed. Load or create it again.")
        return self._handle

    def close(self) -> None:
        """Frees the network's memory. It cannot be used afterwards; closing twice is allowed."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with jvm.translated_errors():
                handle.close()
            if self._finalizer is not None:
                self._finalizer.detach()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise UsageError("A Model cannot be copied or pickled. Call model.save(file), and load(file) for another one.")

    def __repr__(self) -> str:
        if self.is_autoencoder:
            own = self._info["autoencoder"]
            conditional = ", conditional=True" if own["conditional"] else ""
            return f"Model({self.name!r}, image={tuple(own['image'])}, latent_dim={own['latent_dim']}{conditional})"
        return f"Model({self.name!r}, in_channels={self.in_channels}, classes={self.classes})"
