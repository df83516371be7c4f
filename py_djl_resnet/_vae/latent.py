"""Directions of a latent space: principal components, active dimensions, lines between codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


def principal_components(codes: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Projects codes, (N, L), onto the two directions of their largest variances.

    Returns:
        The coordinates, (N, 2), and the share of the variance along each direction, (2). The sign of a
        direction is such that its largest component is positive. Missing directions have coordinates and shares of 0.
    """
    centred = codes.astype(np.float64) - codes.mean(axis=0, dtype=np.float64)
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    found = min(2, len(lengths))
    largest = np.abs(directions[:found]).argmax(axis=1)
    directions = directions[:found] * np.sign(directions[np.arange(found), largest])[:, np.newaxis]
    places, shares = np.zeros((len(codes), 2)), np.zeros(2)
    places[:, :found] = centred @ directions.T
    total = np.square(lengths).sum()
    shares[:found] = np.square(lengths[:found]) / total if total > 0 else 0
    return places, shares


def activity(means: Floats) -> npt.NDArray[np.float64]:
    """Returns the sample variance of each latent dimension's posterior mean over the examples, (L), of means (N, L).

    A dimension is active if that is above 0.01 (Burda et al., "Importance Weighted Autoencoders", 2016). One example
    has a variance of 0.
    """
    if len(means) == 1:
        return np.zeros(means.shape[1])
    variances: npt.NDArray[np.float64] = means.var(axis=0, dtype=np.float64, ddof=1)
    return variances


def line(a: Floats, b: Floats, steps: int) -> npt.NDArray[np.float32]:
    """Returns codes on the straight line from `a` to `b`, both (L): (steps, L) with both ends."""
    share = np.linspace(0, 1, steps)[:, np.newaxis]
    return ((1 - share) * a + share * b).astype(np.float32)


def traversal(code: Floats, dimensions: npt.NDArray[np.integer], values: Floats) -> npt.NDArray[np.float32]:
    """Returns a code, (L), with other values in one dimension: (dimensions · values, L), a dimension after another."""
    codes = np.tile(code.astype(np.float32), (len(dimensions), len(values), 1))
    codes[np.arange(len(dimensions)), :, dimensions] = values
    return codes.reshape(-1, len(code))
