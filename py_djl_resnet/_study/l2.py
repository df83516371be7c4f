"""The L2 penalty of a run, from the weight norms that it recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from .._checkpoint import tensor_shapes
from ..gradients import GLOBAL, Gradients
from ..models import CHECKPOINTS, checkpoint_file
from ..runs import Run


def l2_penalties(run: Run) -> dict[int, float]:
    """Returns the L2 penalty by epoch, before the epoch's last step; for 0 before the first step of the run.

    The penalty is ½ λ Σ w², with the weight decay λ, over the trained tensors that decay: those of more than one
    dimension or, with ``decay_bias_and_norm``, all. Epochs whose last step was not recorded are missing. A run folder
    without a checkpoint, which has the dimensions, has no penalties. Nor has a run whose weight decay is not the
    gradient of this penalty: that of AdamW, Muon or ``decay_scales``.
    """
    if run.recipe.optimizer in ("adamw", "muon") or run.recipe.decay_scales is not None:
        return {}
    gradients = run.gradients
    if gradients is None or not (shapes := shapes_of(run)):
        return {}
    squares = squared_norms(run, gradients, shapes)
    steps = {row["step"]: row["epoch"] for row in run.history}
    found = {}
    for step, square in squares.items():
        if step == 1:
            found[0] = run.recipe.weight_decay / 2 * square
        if step in steps:
            found[steps[step]] = run.recipe.weight_decay / 2 * square
    return found


def shapes_of(run: Run) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the tensors in a run's checkpoint, by name; none if it has no checkpoint yet."""
    if run.folder is None or not any((run.folder / name).is_file() for name in CHECKPOINTS):
        return {}
    return tensor_shapes(checkpoint_file(run.folder))


def squared_norms(run: Run, gradients: Gradients, shapes: Mapping[str, Sequence[int]]) -> dict[int, float]:
    """Returns Σ w² over the tensors that decay, by recorded step."""
    if run.recipe.decay_bias_and_norm:
        names = [name for name in gradients.by_name if name != GLOBAL]
    else:
        names = [name for name in gradients.by_name if len(shapes.get(name, ())) > 1]
    parts: dict[int, list[float]] = {}
    for name in names:
        norms = gradients[name]
        for step, norm in zip(norms["step"], np.square(norms["weight_norm"]), strict=True):
            parts.setdefault(int(step), []).append(float(norm))
    return {step: math.fsum(squares) for step, squares in parts.items()}
