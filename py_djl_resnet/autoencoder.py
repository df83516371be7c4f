"""Variational autoencoders: evaluation, and figures of what they learned."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._java import jvm
from ._measuring import PointProgress, follow
from ._tables import counted, text_table
from ._vae.coding import BATCH, Labels, autoencoder_of
from ._vae.images import Images, evaluated_images, image_name, single_image
from ._vae.latent import activity, line, principal_components, traversal
from .checks import LONG, shown, whole_number
from .errors import UsageError
from .models import Model, opened

if TYPE_CHECKING:
    from PIL import Image

    from ._plotting.chart import Chart

#: The most samples of the importance-weighted bound.
MOST_SAMPLES = 1000

#: Codes along a latent dimension, the dimensions of a traversal, and the images in a row of other figures.
_VALUES = np.linspace(-3, 3, 11)
_ROWS = 10
_COLUMNS = 8

#: The most classes that have their own columns of samples.
_MOST_CLASSES = 20

_File = str | os.PathLike[str]
_Dataset = str | Sequence[npt.NDArray[Any]] | None


@dataclass(frozen=True)
class AutoencoderEvaluation:
    """How well an autoencoder models images, in nats per image, means over the examples.

    Args:
        model: the network's name.
        likelihood: ``bernoulli``, ``gaussian``, ``optimal-gaussian`` or ``discretized-logistic``.
        examples: the number of images.
        elbo: the evidence lower bound, estimated with one sample per image.
        elbo_error: its standard error; None for one image.
        reconstruction: the negative log likelihood of an image given its code.
        kl: the Kullback-Leibler divergence of the posterior from the prior.
        bits_per_dim: bits per byte of an image, of the bound with the most samples; None unless the likelihood is one
            of bytes.
        bound: for each number of ``samples``, the ``value`` of the importance-weighted bound on log p(x), and its
            ``standard_error``, None for one image.
        active_units: latent dimensions whose posterior mean varies over the examples by more than 0.01.
        latent_dim: all latent dimensions.
        published: for the objective ``keng2017``, ``loss`` and ``kl`` as published; else None.
        part: the images: ``test``; of a folder without test images ``validation``, or ``all`` if it has only one part.
    """

    model: str
    likelihood: str
    examples: int
    elbo: float
    elbo_error: float | None
    reconstruction: float
    kl: float
    bits_per_dim: float | None
    bound: list[dict[str, Any]]
    active_units: int
    latent_dim: int
    published: dict[str, float] | None = None
    part: str = "test"

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        rows = [("measure", "value", "standard error")]
        rows.append(("ELBO", f"{self.elbo:.2f}", _error(self.elbo_error)))
        rows += [("reconstruction", f"{self.reconstruction:.2f}", ""), ("KL divergence", f"{self.kl:.2f}", "")]
        for row in self.bound:
            samples = f"IWAE bound, {counted(row['samples'], 'sample')}"
            rows.append((samples, f"{row['value']:.2f}", _error(row["standard_error"])))
        if self.bits_per_dim is not None:
            rows.append(("bits per dimension", f"{self.bits_per_dim:.4f}", ""))
        rows.append(("active units", f"{self.active_units} of {self.latent_dim}", ""))
        if self.published is not None:
            names = {"loss": "loss", "kl": "KL"}
            rows += [(f"{names[key]}, as published", f"{value:.2f}", "") for key, value in self.published.items()]
        count = f"{self.examples:,} {image_name(self.part, self.examples)}"
        return (
            f"{self.model}, likelihood {self.likelihood}, {count}, nats per image\n\n{text_table(rows, right=(1, 2))}"
        )


def _error(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _sample_numbers(values: Any) -> list[int]:
    """Returns the numbers of samples in order, each once."""
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise UsageError(
            "samples must be a list of whole numbers such as [1, 10, 100]. Received: "
            f"{shown(values)}. Allowed: numbers from 1 to {MOST_SAMPLES}, at least one."
        )
    return sorted({whole_number(k, "samples", 1, MOST_SAMPLES) for k in values})


def evaluate_autoencoder(
    model: Model | _File,
    dataset: _Dataset = None,
    *,
    samples: Sequence[int] = (1, 10, 100),
    seed: int = 0,
    data_dir: _File | None = None,
    limit: int | None = None,
    batch_size: int = BATCH,
    device: str = "auto",
    engine: str | None = None,
    progress: bool = False,
) -> AutoencoderEvaluation:
    """Evaluates an autoencoder on test data.

    The importance-weighted bound with k samples is the mean over the images of log((1/k) Σ p(x, z) / q(z|x)) with k
    codes z from the posterior; in expectation it is at most log p(x) and does not decrease with k (Burda et al.,
    "Importance Weighted Autoencoders", 2016).

    Args:
        model: a network, a checkpoint file or a run folder.
        dataset: as in :func:`py_djl_resnet.evaluate`.
        samples: the numbers k of samples, from 1 to 1000.
        seed: of the samples.
        data_dir: the folder of the data set's files; None for the recipe's, or the package's.
        limit: the largest number of images; None for all.
        batch_size: decoded codes per batch, at least 1.
        device: for a checkpoint: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: for a checkpoint: ``pytorch`` or ``mxnet``; None for the running one, else ``pytorch``.
        progress: whether to show progress.

    Raises:
        UsageError: as in :func:`py_djl_resnet.evaluate`, a classifier, or a number of samples out of range.
        KeyboardInterrupt: after Ctrl-C. SIGTERM and SIGHUP end the process, unless it handles them.
    """
    options = {
        "examples": None,
        "samples": _sample_numbers(samples),
        "seed": whole_number(seed, "seed", 0, LONG),
        "batch_size": whole_number(batch_size, "batch_size"),
    }
    with opened(model, device, engine) as network:
        images = evaluated_images(network, dataset, data_dir, limit)

        def begin() -> Any:
            return jvm.bridge().evaluateVae(network.handle, images.examples, json.dumps(options))

        handle, _, received = follow(begin, PointProgress(unit="codes") if progress else None)
        found = json.loads(str(handle.results()))
        if found is None:
            signal.raise_signal(received[0])
            raise KeyboardInterrupt(signal.Signals(received[0]).name)  # the signal's handler returned
        likelihood = autoencoder_of(network.info)["likelihood"]
        return AutoencoderEvaluation(model=network.name, likelihood=likelihood, part=images.part, **found)


def plot_samples(
    model: Model | _File, path: _File | None = None, *, n: int = 64, seed: int = 0, labels: Labels | None = None
) -> Chart:
    """Draws `n` images of :meth:`Model.sample`, and writes them to `path` (.png, .svg, .pdf) if given."""
    with opened(model, "auto", None) as network:
        images = network.sample(n, seed, labels)
        conditional, classes = autoencoder_of(network.info)["conditional"], network.class_names
    title, columns, names = f"Samples of {network.name}", _COLUMNS, list[str]()
    if conditional and isinstance(labels, (str, int, np.integer)):
        title += f", class {labels if isinstance(labels, str) else classes[labels]}"
    elif conditional and labels is None and len(classes) <= _MOST_CLASSES:
        # the classes take turns, so each column has one
        columns = len(classes) * max(1, _COLUMNS // len(classes))
        names = (classes * columns)[: min(columns, n)]
    return _grid(images, min(columns, n), title, path, column_names=names)


def plot_reconstructions(
    model: Model | _File,
    dataset: _Dataset = None,
    path: _File | None = None,
    *,
    n: int = 16,
    seed: int = 0,
    data_dir: _File | None = None,
    limit: int | None = None,
) -> Chart:
    """Draws `n` test images that the seed selects, each row above its reconstructions.

    Of a folder without test images, they are validation images. The other arguments are those of
    :func:`evaluate_autoencoder`.
    """
    n, seed = whole_number(n, "n"), whole_number(seed, "seed", 0, LONG)
    with opened(model, "auto", None) as network:
        return reconstructions_of(evaluated_images(network, dataset, data_dir, limit), path, n, seed)


def reconstructions_of(images: Images, path: _File | None, n: int = 16, seed: int = 0) -> Chart:
    """Like :func:`plot_reconstructions`, for images that are already open."""
    chosen = images.drawn(n, seed)
    given = images.pixels(chosen)
    restored = images.model.reconstruct(given, images.conditions(chosen))
    columns = min(_COLUMNS, len(chosen))
    rows = [np.ones_like(given[:1]).repeat(-len(given) % columns, axis=0)]  # white, to fill the last row
    pairs = [np.concatenate([part, *rows]).reshape(-1, 1, columns, *given.shape[1:]) for part in (given, restored)]
    tiles = np.concatenate(pairs, axis=1).reshape(-1, *given.shape[1:])
    names = ["image", "reconstruction"] * (len(tiles) // columns // 2)
    given_name = image_name(images.part, 2).capitalize()
    return _grid(
        tiles, columns, f"{given_name} and their reconstructions by {images.model.name}", path, row_names=names
    )


def plot_interpolation(
    model: Model | _File,
    a: int | _File | Image.Image,
    b: int | _File | Image.Image,
    dataset: _Dataset = None,
    path: _File | None = None,
    *,
    n: int = 9,
    data_dir: _File | None = None,
    limit: int | None = None,
) -> Chart:
    """Draws `n` images on the straight line between the posterior means of two images, and the two images.

    `a` and `b` are indices of test images, image files or Pillow images. Of a conditional network, the first half of
    the line has the class of `a`, the rest that of `b`. The other arguments are those of :func:`evaluate_autoencoder`.
    """
    n = whole_number(n, "n", 2)
    with opened(model, "auto", None) as network:
        own = autoencoder_of(network.info)
        from_data = any(isinstance(which, (int, np.integer)) for which in (a, b))
        if not from_data and any(given is not None for given in (dataset, data_dir, limit)):
            raise UsageError("Two images need no data set. Omit dataset, data_dir and limit.")
        images = evaluated_images(network, dataset, data_dir, limit) if from_data else None
        (first, first_class), (last, last_class) = (
            single_image(network, which, images, name) for which, name in ((a, "a"), (b, "b"))
        )
        classes = None
        if own["conditional"]:
            if first_class is None or last_class is None:
                file = a if first_class is None else b
                raise UsageError(
                    f"{network.name} is conditional on the class, which an image file does not have. Received: "
                    f"{shown(file)}. Allowed: indices of test images."
                )
            classes = [first_class] * (n - n // 2) + [last_class] * (n // 2)
        ends = network.encode(np.concatenate([first, last]), None if classes is None else [classes[0], classes[-1]])[0]
        between = network.decode(line(ends[0], ends[1], n), classes)
    names = ["A", *(f"{share:.3g}" for share in np.linspace(0, 1, n)), "B"]
    tiles = np.concatenate([first, between, last])
    return _grid(tiles, n + 2, f"From A to B in the latent space of {network.name}", path, column_names=names)


def plot_traversal(
    model: Model | _File,
    dataset: _Dataset = None,
    path: _File | None = None,
    *,
    n: int | None = None,
    image: int = 0,
    data_dir: _File | None = None,
    limit: int | None = 1000,
) -> Chart:
    """Draws images along the `n` most active latent dimensions, from -3 to 3 around the code of a test image.

    `n` of None draws 10, or all if there are fewer. The activity of a dimension is the variance of its posterior mean
    over test images. The other dimensions keep the posterior mean of the test image with the index `image`. The other
    arguments are those of :func:`evaluate_autoencoder`.
    """
    with opened(model, "auto", None) as network:
        latent = autoencoder_of(network.info)["latent_dim"]
        n = min(_ROWS, latent) if n is None else whole_number(n, "n", 1, latent)
        images = evaluated_images(network, dataset, data_dir, limit)
        image = whole_number(image, "image", 0, len(images) - 1)
        means = images.codes(range(len(images)))[0]
        active = activity(means)
        order = np.argsort(-active, kind="stable")[:n]
        codes = traversal(means[image], order, _VALUES)
        label = images.conditions([image])
        tiles = network.decode(codes, None if label is None else int(label[0]))
    names = [f"dimension {index} ({active[index]:.2f})" for index in order]
    values = [f"{value:g}".replace("-", "−") for value in np.round(_VALUES, 1)]  # noqa: RUF001 - as Matplotlib's
    title = f"Latent dimensions of {network.name} around {image_name(images.part)} {image}, most active first"
    return _grid(tiles, len(_VALUES), title, path, row_names=names, column_names=values)


def plot_latent(
    model: Model | _File,
    dataset: _Dataset = None,
    path: _File | None = None,
    *,
    data_dir: _File | None = None,
    limit: int | None = 2000,
) -> Chart:
    """Draws the posterior means of test images along their two principal components, coloured by class.

    The other arguments are those of :func:`evaluate_autoencoder`.
    """
    from ._plotting.grid import plot_points

    with opened(model, "auto", None) as network:
        images = evaluated_images(network, dataset, data_dir, limit)
        every = range(len(images))
        places, shares = principal_components(images.codes(every)[0])
        labels, names = images.labels(every), images.class_names
    axes = [f"component {number} ({share:.1%} of the variance)" for number, share in enumerate(shares, 1)]
    title = f"Posterior means of {network.name}, {len(places):,} {image_name(images.part, len(places))}"
    return plot_points(places, labels, names, axes, title, path)


def _grid(images: npt.NDArray[np.floating], columns: int, title: str, path: _File | None, **names: Any) -> Chart:
    from ._plotting.grid import plot_grid

    return plot_grid(images, columns, title, path, **names)
