"""Shattered gradients: how gradients of a network correlate along a line of inputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._checkpoint import recipe_settings
from ._draws import number
from ._java import jvm
from ._tables import csv_text, mean_deviation, text_table
from ._vae.coding import require_classifier
from .checks import LONG, checked_path, require_distinct, shown, whole_number
from .datasets import named
from .errors import UsageError
from .models import Model, checkpoint_file, load
from .recipe import Recipe

if TYPE_CHECKING:
    from ._plotting.chart import Chart

#: Points in one pass through the network.
_BATCH = 32

#: Lags in the printed table.
_SHOWN = (1, 2, 4, 8, 16, 32)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shattering:
    """Autocorrelations of gradients along lines of inputs.

    Args:
        dataset: the data set of the images at the lines' ends.
        points: points on each line.
        rows: for each network and seed ``model``, ``seed``, ``images`` (the numbers of the test images at both ends),
            ``autocorrelation`` (at lags from 0 to a quarter of the points), ``cosine`` (between the gradients at both
            ends) and ``derivative`` (of the logit along the line at each point, per unit of length).
    """

    dataset: str
    points: int
    rows: list[dict[str, Any]]

    def models(self) -> list[str]:
        """Returns the networks in order."""
        return list(dict.fromkeys(row["model"] for row in self.rows))

    def autocorrelations(self, model: str) -> Floats:
        """Returns the autocorrelations of a network, (seeds, lags)."""
        return np.array([row["autocorrelation"] for row in self.rows if row["model"] == model])

    def summary(self) -> list[dict[str, Any]]:
        """Returns for each network and lag the mean over seeds and their sample deviation (None for one seed)."""
        rows = []
        for model in self.models():
            values = self.autocorrelations(model)
            for lag in range(values.shape[1]):
                mean, deviation = mean_deviation(values[:, lag].tolist())
                rows.append({"model": model, "lag": lag, "seeds": len(values), "mean": mean, "deviation": deviation})
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Returns ``{"dataset", "points", "rows": [...]}`` for JSON."""
        return asdict(self)

    def to_csv(self) -> str:
        """Returns a table with the columns model, seed, lag, autocorrelation; ``white`` and ``brown`` noise at the end.

        A reference has no seed.
        """
        curves = [(row["model"], row["seed"], row["autocorrelation"]) for row in self.rows]
        curves += [(noise, None, curve.tolist()) for noise, curve in references(self.points).items()]
        return csv_text(
            ("model", "seed", "lag", "autocorrelation"),
            [(name, seed, lag, r) for name, seed, curve in curves for lag, r in enumerate(curve)],
        )

    def plot(self, path: str | os.PathLike[str] | None = None) -> Chart:
        """Draws the autocorrelations and the first seed's derivatives, and writes them to `path` if given."""
        from ._plotting.shattering import plot_shattering

        first = {model: next(r["derivative"] for r in self.rows if r["model"] == model) for model in self.models()}
        curves = {model: self.autocorrelations(model) for model in self.models()}
        return plot_shattering(curves, first, references(self.points), path)

    def __str__(self) -> str:
        lags = [lag for lag in _SHOWN if lag <= _lags(self.points)]
        rows: list[Sequence[str]] = [("autocorrelation at lag", *map(str, lags), "cosine")]
        for model in self.models():
            mean = self.autocorrelations(model).mean(axis=0)
            cosine = np.mean([row["cosine"] for row in self.rows if row["model"] == model])
            rows.append((model, *(f"{mean[lag]:.3f}" for lag in lags), f"{cosine:.3f}"))
        for noise, curve in references(self.points).items():
            rows.append((f"{noise} noise", *(f"{curve[lag]:.3f}" for lag in lags), ""))
        return text_table(rows, right=range(1, len(lags) + 2))


def shattered_gradients(
    models: Sequence[str] = (),
    dataset: str = "cifar-10",
    *,
    checkpoints: Sequence[str | os.PathLike[str]] = (),
    seeds: Sequence[int] = (0, 1, 2),
    points: int = 256,
    data_dir: str | os.PathLike[str] | None = None,
    device: str = "auto",
    engine: str | None = None,
    done: Iterable[Mapping[str, Any]] = (),
    callback: Callable[[dict[str, Any]], None] | None = None,
) -> Shattering:
    """Measures how gradients with respect to the input correlate along lines between two test images.

    The images are prepared for the network, and the points divide the line between them equally. The gradient is that
    of the logit of the first image's class, in evaluation mode. A network at initialization first takes the statistics
    of all points as the running statistics of its batch normalization, so that the gradient at a point depends on that
    point alone. With another seed, both the weights and the images are others.

    Source: Balduzzi et al., "The Shattered Gradients Problem: If resnets are the answer, then what is the question?",
    2017.

    Args:
        models: the names of networks at initialization.
        dataset: the data set of the images.
        checkpoints: checkpoint files or run folders of trained networks.
        seeds: of the initial weights and the images.
        points: points on a line, at least 8.
        data_dir: the folder of the data set's files; None for that of a checkpoint's run on this data set, or the
            package's.
        device: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: ``pytorch``; None for the running one, else ``pytorch``.
        done: rows of an earlier call with the same arguments, which are not measured again.
        callback: called with each new row as soon as it is measured.

    Raises:
        UsageError: no networks, an unknown name, no checkpoint, missing data, or another engine.
    """
    names, checked, points = checked_plan(
        [*_listed(models, "models"), *_listed(checkpoints, "checkpoints")], seeds, points
    )
    jvm.start(engine, device=device)
    if jvm.engine() != "pytorch":
        raise UsageError(
            f"Shattered gradients need the PyTorch engine. Received: {jvm.engine()}. Use --engine pytorch (in Python: "
            'engine="pytorch").'
        )
    folder = _trained_folder(checkpoints, dataset) if data_dir is None else checked_path(data_dir, "data_dir")
    train, test = (named(dataset, folder, train=part, limit=None) for part in (True, False))
    measured = {(row["model"], row["seed"]): dict(row) for row in done}
    rows = []
    for index, name in enumerate(names):
        trained = index >= len(models)
        for seed in checked:
            if (name, seed) not in measured:
                with load(name, device) if trained else _fresh(name, train, seed, device) as network:
                    measured[name, seed] = {
                        "model": name,
                        "seed": seed,
                        **_measure(network, test, seed, points, trained),
                    }
                if callback is not None:
                    callback(measured[name, seed])
            rows.append(measured[name, seed])
    return Shattering(dataset, points, rows)


def checked_plan(networks: Any, seeds: Any, points: Any) -> tuple[list[str], list[int], int]:
    """Returns names of networks or checkpoints, seeds and points if they can be measured."""
    names = [checked_path(name, "a network") for name in _listed(networks, "networks")]
    numbers = [whole_number(seed, "seeds", -LONG - 1, LONG) for seed in _listed(seeds, "seeds")]
    if not names or not numbers:
        raise UsageError(
            "Nothing to measure. Give --models or --checkpoint (in Python: models, checkpoints), and at least one seed."
        )
    require_distinct(names, "models and checkpoints")
    require_distinct([str(seed) for seed in numbers], "seeds")
    return names, numbers, whole_number(points, "points", least=8)


def autocorrelation(vectors: npt.ArrayLike, lags: int) -> Floats:
    """Returns the sample autocorrelation of a series at lags from 0 to `lags`.

    For vectors, products are scalar products: r(k) is the sum over j of <v[j] - m, v[j + k] - m> divided by the sum of
    the squared norms of v[j] - m, where m is the mean. All zeros if the series is constant, except at lag 0.

    Args:
        vectors: numbers (N) or vectors (N, D).
        lags: the largest lag, less than N.
    """
    series = np.asarray(vectors, dtype=np.float64)
    series = series.reshape(len(series), -1)
    centred = series - series.mean(axis=0)
    covariances = [float(np.sum(centred[: len(centred) - lag] * centred[lag:])) for lag in range(lags + 1)]
    if covariances[0] == 0:
        return np.array([1.0] + [0.0] * lags)
    return np.array(covariances) / covariances[0]


def references(points: int) -> dict[str, Floats]:
    """Returns :func:`autocorrelation` of vectors of many dimensions whose numbers are white or brown noise.

    The lags are from 0 to a quarter of the points. With many dimensions, sums of products equal their expectations.
    """
    lags = _lags(points)
    # the mean of the points themselves is subtracted, which leaves a small negative correlation
    white = np.array([1.0] + [-(points - lag) / (points * (points - 1)) for lag in range(1, lags + 1)])
    # a random walk's numbers i and j have the covariance min(i, j), which sums to this over j
    place = np.arange(1, points + 1, dtype=np.float64)
    sums = place * points - place * (place - 1) / 2
    brown = []
    for lag in range(lags + 1):
        earlier, later = slice(points - lag), slice(lag, None)
        centred = place[earlier] - (sums[earlier] + sums[later]) / points + sums.sum() / points**2
        brown.append(centred.sum())
    return {"white": white, "brown": np.array(brown) / brown[0]}


def input_gradients(network: Model, x: npt.NDArray[np.float32], logit: int) -> npt.NDArray[np.float32]:
    """Returns the gradient of a logit with respect to each input, in evaluation mode.

    Args:
        network: the network.
        x: float32 (N, C, H, W), prepared.
        logit: the number of the logit.

    Returns:
        float32 (N, C, H, W).
    """
    parts = []
    for start in range(0, len(x), _BATCH):
        part = np.ascontiguousarray(x[start : start + _BATCH], dtype=np.float32)
        shape = [int(size) for size in part.shape]
        with jvm.translated_errors():
            answer = network.handle.inputGradients(jvm.to_direct_buffer(part), shape, logit)
            parts.append(np.array(jvm.from_direct_buffer(answer, part.shape, np.dtype(np.float32))))
    return np.concatenate(parts)


def _trained_folder(checkpoints: Iterable[str | os.PathLike[str]], dataset: str) -> str | None:
    """Returns the data folder of the first checkpoint that was trained on a data set, if it records one."""
    for checkpoint in checkpoints:
        file = checkpoint_file(checkpoint)
        try:
            recipe = Recipe.from_settings(recipe_settings(file), "the checkpoint's recipe")
        except UsageError:  # imported weights have none
            continue
        if recipe.dataset == dataset and recipe.data_dir is not None:
            return recipe.data_dir
    return None


def _fresh(name: str, train: Any, seed: int, device: str) -> Model:
    with jvm.translated_errors():
        return Model(jvm.bridge().create(name, train, seed, device))


def _measure(network: Model, examples: Any, seed: int, points: int, trained: bool) -> dict[str, Any]:
    """Returns the columns of a row that are measured."""
    require_classifier(network.info)
    first, second = ends(int(examples.size()), seed)
    a, b = (_prepared(network, examples, index) for index in (first, second))
    share = (np.arange(points) / (points - 1)).reshape(-1, 1, 1, 1)
    line = ((1 - share) * a + share * b).astype(np.float32)
    if not trained:
        with jvm.translated_errors():
            network.handle.calibrate(jvm.to_direct_buffer(line), [int(size) for size in line.shape])
    gradients = input_gradients(network, line, int(examples.label(first))).reshape(points, -1).astype(np.float64)
    direction = (b - a).ravel().astype(np.float64)
    norms = np.linalg.norm(gradients[0]) * np.linalg.norm(gradients[-1])
    return {
        "images": [first, second],
        "autocorrelation": autocorrelation(gradients, _lags(points)).tolist(),
        "cosine": float(gradients[0] @ gradients[-1] / norms) if norms else 0.0,
        "derivative": (gradients @ direction / np.linalg.norm(direction)).tolist(),
    }


def ends(size: int, seed: int) -> tuple[int, int]:
    """Returns two different examples of a data set."""
    if size < 2:
        raise UsageError(f"A line needs two images. Received: a data set with {size} of them. Choose another.")
    first = number(seed, "first image") % size
    return first, (first + 1 + number(seed, "second image") % (size - 1)) % size


def _prepared(network: Model, examples: Any, index: int) -> npt.NDArray[np.float32]:
    with jvm.translated_errors():
        image = network.handle.image(examples, index)
        shape = tuple(int(size) for size in image.shape())
        return np.array(jvm.from_direct_buffer(image.pixels(), shape, np.dtype(np.float32)))


def row_text(row: Mapping[str, Any]) -> str:
    """Returns a measured row in words."""
    return f"{row['model']}, seed {row['seed']}: autocorrelation {row['autocorrelation'][1]:.3f} at lag 1"


def _lags(points: int) -> int:
    return points // 4


def _listed(values: Any, name: str) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise UsageError(f"{name} must be a list. Received: {shown(values)}.")
    return list(values)
