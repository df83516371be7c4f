"""Curves of gradient norms over the steps, and norms by depth, from the ``gradients.csv`` of runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import nearest, shown
from ..errors import UsageError
from ..gradients import GLOBAL, Gradients
from ..runs import Run
from .l2 import shapes_of

STEM = "stem"
PUBLISHED = "published"

#: The parameter that the study plots for plain networks, the third in the alphabetical order of JAX's names.
PLAIN_LEAF = "layer1.0.bn1.bias"
#: How many of the first steps the study leaves out, for plain and for residual networks.
PLAIN_SKIPPED, RESIDUAL_SKIPPED = 20, 30

PUBLISHED_NOTE = (
    "`published` is what the study plots, `tree_flatten(grads)[0][2]`: the third parameter in alphabetical order of "
    f"the names in JAX, without the first {PLAIN_SKIPPED} steps for plain and {RESIDUAL_SKIPPED} for residual "
    f"networks. **These are two different parameters:** the bias of the second batch normalization (`{PLAIN_LEAF}`, 16 "
    "numbers) for plain networks, and the kernel of the first convolution (`conv1.weight`, 432 numbers for colour "
    "images) for residual ones. The panels beside it show both parameters for every network. The study's gradient is "
    "that of the whole loss; this one is that of the cross entropy, without the L2 "
    "part, which the bias does not have."
)

Curve = tuple[str, npt.NDArray[Any], npt.NDArray[Any]]


@dataclass(frozen=True)
class Recorded:
    """A run with recorded gradients.

    Attributes:
        label: its name in tables and legends.
        run: the run.
        gradients: its norms.
    """

    label: str
    run: Run
    gradients: Gradients

    @property
    def network(self) -> str:
        """The network's name."""
        return self.run.recipe.model

    @property
    def is_plain(self) -> bool:
        """Whether the network has no shortcuts."""
        return self.network.startswith(("plain", "study-plain"))

    @property
    def stem(self) -> str:
        """The weights of the first layer."""
        return next(name for name in self.gradients.by_name if name.endswith(".weight"))

    @cached_property
    def layers(self) -> list[str]:
        """The weights of convolutions and linear layers, from the first to the last."""
        shapes = shapes_of(self.run)
        return [
            name
            for name in self.gradients.by_name
            if name.endswith(".weight") and (len(shapes[name]) > 1 if name in shapes else ".bn" not in f".{name}")
        ]

    def curve(self, name: str, skipped: int = 0) -> Curve:
        """Returns label, steps and gradient norms of a parameter, without those of the first steps."""
        norms = self.gradients[name]
        kept = norms["step"] > skipped
        return self.label, norms["step"][kept], norms["gradient_norm"][kept]

    def nearest(self, step: int | str) -> int:
        """Returns the recorded step that is nearest to `step`, which may be ``last``."""
        steps = self.gradients[GLOBAL]["step"]
        return int(steps[-1] if step == "last" else steps[np.argmin(np.abs(steps - int(step)))])

    def at(self, name: str, step: int) -> float | None:
        """Returns the gradient norm of a parameter at a recorded step; None if it was not trained then."""
        norms = self.gradients[name]
        found = norms["gradient_norm"][norms["step"] == step]
        return float(found[0]) if found.size else None


def panels(runs: Sequence[Recorded], names: Sequence[str]) -> dict[str, list[Curve]]:
    """Returns the curves of each panel by its title.

    Args:
        runs: the runs, at least one.
        names: ``global``, ``stem``, ``published``, or parameters that at least one run has.
    """
    found: dict[str, list[Curve]] = {}
    for name in names:
        if name == STEM:
            found[f"{runs[0].stem} ({STEM})"] = [run.curve(run.stem) for run in runs]
        elif name == PUBLISHED:
            # not every network has this parameter
            of_study = [run for run in runs if PLAIN_LEAF in run.gradients.by_name]
            if of_study:
                curves = [
                    run.curve(PLAIN_LEAF, PLAIN_SKIPPED) if run.is_plain else run.curve(run.stem, RESIDUAL_SKIPPED)
                    for run in of_study
                ]
                if any(steps.size for _, steps, _ in curves):
                    found[PUBLISHED] = curves
                found[PLAIN_LEAF] = [run.curve(PLAIN_LEAF) for run in of_study]
                # a panel of all runs stays
                found.setdefault(f"{of_study[0].stem} ({STEM})", [run.curve(run.stem) for run in of_study])
        else:
            having = [run for run in runs if name in run.gradients.by_name]
            if not having:
                known = [recorded for run in runs for recorded in run.gradients.by_name]
                raise unknown_name(name, known, "No gradients of this name were recorded.")
            found[name] = [run.curve(name) for run in having]
    return found


def unknown_name(name: str, parameters: Iterable[str], problem: str) -> UsageError:
    """Returns the error for the name of a curve that is none of the parameters."""
    known = list(dict.fromkeys([GLOBAL, STEM, PUBLISHED, *parameters]))
    return UsageError(f"{problem} Received: {name!r}.{nearest(name, known)} Allowed: {', '.join(known)}.")


def checked_steps(steps: Any) -> list[int | str]:
    """Returns steps as whole numbers of at least 1, or ``last``."""
    found: list[int | str] = []
    if not steps:
        raise UsageError(f"steps must have at least 1 step. Received: {shown(steps)}. Allowed: 1,10,last.")
    for step in steps if isinstance(steps, (list, tuple)) else [steps]:
        text = str(step)
        if text == "last":
            found.append(text)
        elif text.isascii() and text.isdecimal() and int(text) > 0:
            found.append(int(text))
        else:
            raise UsageError(f"steps must be whole numbers or last. Received: {shown(step)}. Allowed: 1,10,last.")
    return found
