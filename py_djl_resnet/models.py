"""Networks: made by name or read from a checkpoint, called on numpy arrays."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._arrays import conversion, require_array
from ._checkpoint import require_no_run
from ._java import jvm
from ._preprocessing import Preprocessing
from ._preprocessing import text as preprocessing_text
from .checks import INT, LONG, checked_class_names, checked_path, checked_text, whole_number, whole_numbers
from .datasets import MAX_CLASSES, check_finite, check_size
from .errors import UsageError
from .recipe import Recipe
from .summary import Summary
from .weights import export, load_state_dict, open_weights, state_dict, warn_of_numbers

if TYPE_CHECKING:
    from ._inputs import Images
    from .prediction import Prediction

#: The checkpoints of a run folder, the preferred one first.
CHECKPOINTS = ("best.safetensors", "last.safetensors")


def create_model(
    name: str = "d2l-resnet18",
    in_channels: int | None = None,
    classes: int | None = None,
    seed: int = 0,
    device: str = "auto",
    engine: str | None = None,
    *,
    weights: str | os.PathLike[str] | None = None,
    new_head: bool = False,
    class_names: Sequence[str] | None = None,
    preprocessing: Preprocessing = None,
) -> Model:
    """Creates a network with fresh weights, or with those of a file.

    Args:
        name: see :func:`available`; options follow after plus signs, as in ``resnet50+deep_stem``.
        in_channels: channels of its input, at least 1; None for the usual ones, as :func:`summarize` has them, or
            for those of `weights`.
        classes: logits of its output, at least 1; None for as many as there are `class_names`, else for the usual
            ones, or for those of `weights`.
        seed: of fresh weights; the same seed gives the same weights.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: ``pytorch`` or ``mxnet``, one for a process; None for the one that runs, else
            ``pytorch``.
        weights: a file of torchvision's or timm's tensors, or a checkpoint: ``.safetensors``, or ``.pth`` and
            ``.pt`` with the extra ``[torch]``. ``info["import"]`` then says what was taken and what is new.
        new_head: whether the last layer is fresh, for `classes`, rather than that of `weights`.
        class_names: a name for each class; no two alike unless there are `weights`; None for numbers.
        preprocessing: how an image becomes the network's input, as of :func:`evaluate`, with `weights` only; None for
            what is known: of a checkpoint, of timm's ``config.json`` beside the file, or torchvision's for its own
            networks. ``info["import"]["preprocessing_source"]`` says which.

    Raises:
        UsageError: an unknown name, a number out of range, a device that is not there; a file of weights that is
            damaged or holds other tensors, with a list of them.
        JavaNotFoundError, JarError, EngineError: what ``py-djl-resnet doctor`` explains.

    Warns:
        ResnetWarning: `weights` hold numbers that are not finite.
    """
    checked_text(name, "name")
    if class_names is not None:
        # lists of ImageNet's classes have two cranes
        class_names = checked_class_names(class_names, distinct=weights is None)
        if classes not in (None, len(class_names)):
            raise UsageError(f"classes must be the number of class_names, {len(class_names)}; received {classes}")
        classes = len(class_names)
    if in_channels is not None:
        in_channels = whole_number(in_channels, "in_channels")
    if classes is not None:
        classes = whole_number(classes, "classes", most=INT if weights is None else MAX_CLASSES)
    seed = whole_number(seed, "seed", -LONG - 1, LONG)
    if new_head and (weights is None or classes is None):
        raise UsageError("new_head needs weights, whose last layer it replaces, and the number of classes")
    if preprocessing is not None and weights is None:
        raise UsageError("preprocessing needs weights; a network with fresh ones is trained first")
    prepared = preprocessing_text(preprocessing)
    jvm.start(engine, device=checked_text(device, "device"))
    if weights is not None:
        options = {"model": name, "in_channels": in_channels, "classes": classes, "class_names": class_names}
        options |= {"new_head": new_head, "seed": seed, "device": device, "preprocessing": prepared}
        handle = open_weights(weights, options)
        model = Model(handle)
        warn_of_numbers(model.info["import"]["not_finite"], str(weights))
        return model
    with jvm.translated_errors():
        # 0 stands for what is usual
        return Model(jvm.bridge().create(name, in_channels or 0, class_names or classes or 0, seed, device))


def load(checkpoint: str | os.PathLike[str], device: str = "auto", engine: str | None = None) -> Model:
    """A trained network of a checkpoint, or of the best checkpoint of a run folder.

    Raises:
        UsageError: no such file, or a file that is no checkpoint of this package.
    """
    file = checkpoint_file(checkpoint)
    jvm.start(engine, device=checked_text(device, "device"))
    try:
        with jvm.translated_errors():
            return Model(jvm.bridge().load(os.path.abspath(file), device))
    except UsageError as error:
        if file.name in str(error):
            raise
        raise UsageError(f"checkpoint {file}: {error}") from error


def available(engine: str | None = None) -> list[dict[str, Any]]:
    """What networks there are: name, description, parameters, multiply_adds, input, options, ..."""
    jvm.start(engine)
    with jvm.translated_errors():
        found: list[dict[str, Any]] = json.loads(str(jvm.bridge().models()))
    return found


def checkpoint_file(path: str | os.PathLike[str]) -> Path:
    """`path`, or the best (else the last) checkpoint in it when it is a run folder.

    Raises:
        UsageError: there is no such file, or the folder holds no checkpoint.
    """
    file = Path(checked_path(path, "the checkpoint", "The network of a run is run.model, its folder run.folder."))
    if file.is_dir():
        for name in CHECKPOINTS:
            if (file / name).is_file():
                return file / name
        raise UsageError(
            f"folder {file} holds no checkpoint ({' or '.join(CHECKPOINTS)}); "
            "give a run folder of the train command or a .safetensors file"
        )
    if not file.is_file():
        raise UsageError(f"checkpoint {file} does not exist; give a .safetensors file or a run folder")
    return file


class Model:
    """A network in the JVM. Call it on arrays, or let it :meth:`predict` images.

    Made by :func:`create_model`, :func:`load` and a run's ``model``. Its memory is freed when Python drops it, and
    earlier by :meth:`close` or a ``with`` statement.
    """

    def __init__(self, handle: Any, *, owned: bool = True) -> None:
        """Wraps Java's ``NetworkHandle``; one that is not `owned` stays Java's when Python drops it."""
        self._handle: Any = handle
        self._finalizer = weakref.finalize(self, jvm.free, handle) if owned else None
        if self._finalizer is not None:
            self._finalizer.atexit = False
        with jvm.translated_errors():
            self._info: dict[str, Any] = json.loads(str(handle.info()))

    def __call__(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Computes logits with the running statistics of BatchNorm; the input is taken as it is, see :meth:`predict`.

        Args:
            x: float32 (N, C, H, W), finite, scaled and normalized as in the training. A C-contiguous array is passed
                without a copy, any other is copied.

        Returns:
            float32 (N, classes).

        Raises:
            UsageError: a wrong dtype, rank or number of channels, or a number that is not finite.
        """
        array = require_array(x, "input")
        if array.dtype != np.float32:
            raise UsageError(f"input must have dtype float32. Received: {array.dtype}. {conversion(array)}")
        if array.ndim != 4 or array.shape[1] != self.in_channels or 0 in array.shape:
            raise UsageError(
                f"input must have shape (N, {self.in_channels}, H, W) with no empty axis; received {array.shape}"
            )
        check_size(array, "input")
        check_finite(array, "input")
        array = np.ascontiguousarray(array)
        with jvm.translated_errors():
            answer = self.handle.forward(jvm.to_direct_buffer(array), [int(n) for n in array.shape])
            return np.array(jvm.from_direct_buffer(answer, (len(array), self.classes), np.dtype(np.float32)))

    def predict(
        self, images: Images, top_k: int = 3, *, preprocessing: Preprocessing = None, invert: bool = False
    ) -> list[Prediction]:
        """Classifies images: files, folders, images of Pillow, arrays. See :func:`py_djl_resnet.predict`."""
        from .prediction import predictions_and_problems, warn_of

        predictions, problems = predictions_and_problems(self, images, top_k, preprocessing, invert)
        warn_of(problems)
        return predictions

    def summary(self, shape: Sequence[int], depth: int = 1) -> Summary:
        """The layers with the shapes, parameters and multiply-adds for one input shape.

        Args:
            shape: (N, C, H, W); nothing is computed.
            depth: how many levels of nested blocks are listed, at least 1.
        """
        sizes, depth = whole_numbers(shape, "shape"), whole_number(depth, "depth")
        with jvm.translated_errors():
            return Summary.from_dict(json.loads(str(self.handle.summary(sizes, depth))))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a checkpoint that :func:`load` and other safetensors readers open.

        Args:
            path: a file, which is replaced if it is there, unless a run has written it.

        Raises:
            UsageError: a folder that does not exist or cannot be written, a file of a run.
        """
        file = os.path.abspath(checked_path(path, "path"))
        require_no_run(Path(file))
        with jvm.translated_errors():
            self.handle.save(file)

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """The parameters and running statistics under torchvision's names, in torchvision's shapes and order.

        Returns:
            float32 arrays, and whole numbers for ``num_batches_tracked``. They are copies, made once and in one piece:
            arrays on the network's own memory would point to nothing when it is closed.
        """
        return state_dict(self)

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Gives the network other parameters and running statistics, all of them or, after an error, none.

        Args:
            state: arrays of floating-point numbers as :meth:`state_dict` gives them, which are copied;
                ``num_batches_tracked`` may be left out.

        Raises:
            UsageError: missing, superfluous or misshapen arrays, with a list of them.

        Warns:
            ResnetWarning: there are numbers that are not finite.
        """
        load_state_dict(self, state)

    def export(
        self,
        path: str | os.PathLike[str],
        format: str = "safetensors",  # noqa: A002 - what it is called everywhere
        *,
        fold: bool = False,
        with_preprocessing: bool = False,
        preprocessing: Preprocessing = None,
    ) -> None:
        """Writes the network for other programs, see :func:`py_djl_resnet.weights.export`."""
        export(self, path, format, fold=fold, with_preprocessing=with_preprocessing, preprocessing=preprocessing)

    @property
    def name(self) -> str:
        """The network's name, as in ``d2l-resnet18``."""
        return str(self._info["model"])

    @property
    def residual_blocks(self) -> list[str]:
        """The names of the residual blocks, as ``layer3.2``, in their order; none for a plain network."""
        with jvm.translated_errors():
            return [str(name) for name in json.loads(str(self.handle.residualBlocks()))]

    @property
    def in_channels(self) -> int:
        """Channels of the input."""
        return int(self._info["in_channels"])

    @property
    def classes(self) -> int:
        """Logits of the output."""
        return int(self._info["classes"])

    @property
    def class_names(self) -> list[str]:
        """A name for each class: its number where nothing better is known."""
        return [str(n) for n in self._info.get("class_names") or range(self.classes)]

    @property
    def recipe(self) -> Recipe | None:
        """The recipe that it was trained with; None for a network that was not trained."""
        settings = self._info.get("recipe")
        return Recipe.from_settings(settings, "the checkpoint's recipe") if settings else None

    @property
    def image_size(self) -> int | None:
        """Height and width that its images get in `preprocessing`; None where they differ or are not known."""
        size = self._info.get("image_size")
        return None if size is None else int(size)

    @property
    def preprocessing(self) -> dict[str, Any] | None:
        """How an image becomes its input, as docs/weights.md describes it; None if not known."""
        found = self._info.get("preprocessing")
        return None if found is None else dict(found)

    @property
    def info(self) -> dict[str, Any]:
        """What the checkpoint says of the network: ``model``, ``classes``, ``epoch``, ..."""
        return dict(self._info)

    @property
    def handle(self) -> Any:
        """Java's ``NetworkHandle``, for this package's own use."""
        jvm.require_no_fork()
        if self._handle is None:
            raise UsageError(f"this {self.name} is closed; load or create it again")
        return self._handle

    def close(self) -> None:
        """Frees the network's memory; it cannot be used afterwards. May be called twice."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with jvm.translated_errors():
                handle.close()
            if self._finalizer is not None:
                self._finalizer.detach()

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Model({self.name!r}, in_channels={self.in_channels}, classes={self.classes})"
