"""The Hessian of a network's loss: its outermost eigenvalues and its trace."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from .._java import jvm
from .._measuring import PointProgress, follow
from .._preprocessing import Preprocessing
from .._tables import text_table
from ..checks import LONG, checked_choice, checked_folder, shown, whole_number
from ..errors import LandscapeInterrupted, UsageError
from ..models import Model, opened
from .data import measured_examples, recorded
from .options import SPLITS
from .surface import BATCH_SIZE

#: The step of the differences, relative to the weights.
STEP = 1e-5


@dataclass(frozen=True)
class Hessian:
    """The Hessian of a network's mean cross-entropy over some examples, with respect to all trained parameters.

    Attributes:
        largest: the largest eigenvalue.
        smallest: the smallest eigenvalue.
        residuals: for ``largest`` and ``smallest``, the length of Hu - λu for its unit vector u. Some eigenvalue is at
            most this far from λ; the outermost one may be farther out.
        converged: for each, whether its residual is below the tolerance, relative to it.
        trace: the sum of all eigenvalues, estimated.
        trace_error: the standard error of the trace; None for one sample.
        loss: the loss at the weights.
        gradient_norm: the length of its gradient, which is 0 at a minimum.
        parameters: the number of trained parameters.
        iterations: the number of Lanczos's steps.
        info: what was measured, and how: the other keys of ``hessian.json``.
    """

    largest: float
    smallest: float
    residuals: dict[str, float]
    converged: dict[str, bool]
    trace: float
    trace_error: float | None
    loss: float
    gradient_norm: float
    parameters: int
    iterations: int
    info: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Returns the content of ``hessian.json``, ready for JSON."""
        form = dataclasses.asdict(self)
        return dict(form.pop("info")) | form

    def __str__(self) -> str:
        rows: list[Sequence[str]] = [("", "value", "error", "residual", "")]
        for name in ("largest", "smallest"):
            note = "" if self.converged[name] else "not converged"
            rows.append((f"{name} eigenvalue", f"{getattr(self, name):.4g}", "", f"{self.residuals[name]:.1g}", note))
        error = "-" if self.trace_error is None else f"{self.trace_error:.2g}"
        rows.append(("trace", f"{self.trace:.4g}", error, "", ""))
        ratio = abs(self.smallest / self.largest) if self.largest else math.nan
        rows.append(("|smallest / largest|", f"{ratio:.3g}", "", "", ""))
        return "\n".join(
            [
                f"{self.info['model']}, {self.parameters:,} parameters, {self.info['examples']} examples: loss "
                f"{self.loss:.4f}, gradient {self.gradient_norm:.3g}",
                text_table(rows, right=(1, 2, 3)),
            ]
        )


def loss_hessian(
    model: Model | str | os.PathLike[str],
    dataset: str | Sequence[npt.NDArray[Any]] | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    examples: int | None = 1000,
    split: str = "train",
    iterations: int = 100,
    tolerance: float = 0.01,
    samples: int = 30,
    step: float = STEP,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
    preprocessing: Preprocessing = None,
    channels_last: bool | None = None,
    device: str = "auto",
    engine: str | None = None,
    progress: bool = True,
) -> Hessian:
    """Measures the largest and the smallest eigenvalue of the Hessian of a network's loss, and its trace.

    The loss is the mean cross-entropy, without weight decay, in evaluation mode: batch normalization keeps its running
    statistics. Lanczos's method with full reorthogonalization finds the eigenvalues, Hutchinson's the trace, both from
    products with the Hessian, which are central differences of gradients in float32. A product takes two forward and
    backward passes over the examples, and one forward pass. The memory is that of up to `iterations` copies of the
    weights.

    With `out`, writes ``hessian.json`` to a folder, and meanwhile each product, so that a call with the same arguments
    resumes it.

    Args:
        model: a network, a checkpoint file or a run folder.
        dataset: as in :func:`evaluate`.
        out: the folder; None writes no files.
        data_dir: the folder of the data set's files; None for the recipe's, or the package's.
        examples: how many examples to use, chosen at random by `seed`; None for all.
        split: ``train`` or ``test``; of four arrays the first or the last two.
        iterations: the largest number of products for the eigenvalues.
        tolerance: the residual of an eigenvalue, relative to it, at which it is good enough.
        samples: the number of products for the trace.
        step: the step of the differences, relative to the length of the weights (docs/landscape.md).
        seed: the seed of examples and vectors.
        batch_size: examples per batch.
        preprocessing: as in :func:`evaluate`.
        channels_last: as in :func:`evaluate`.
        device: for a checkpoint: ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
        engine: for a checkpoint: ``pytorch``; None for the running one, else ``pytorch``.
        progress: whether to show progress.

    Raises:
        UsageError: as in :func:`evaluate`; an option is wrong; the engine is not PyTorch; the loss is not finite; or
            the folder holds another measurement.
        LandscapeInterrupted: after Ctrl-C, SIGTERM or SIGHUP.
        TrainingError: the folder cannot be written.
    """
    options: dict[str, Any] = {
        "split": checked_choice(split, "split", SPLITS),
        "examples": None if examples is None else whole_number(examples, "examples"),
        "iterations": whole_number(iterations, "iterations", 2, 10_000),
        "tolerance": _fraction(tolerance, "tolerance"),
        "samples": whole_number(samples, "samples"),
        "step": _fraction(step, "step"),
        "seed": whole_number(seed, "seed", -LONG - 1, LONG),
        "batch_size": whole_number(batch_size, "batch_size"),
        "precision": "float32",
        "checkpoint": recorded(model),
    }
    folder = None if out is None else checked_folder(out)
    with opened(model, device, engine) as network:
        if jvm.engine() != "pytorch":
            raise UsageError(
                f"The Hessian needs the PyTorch engine. Received: {jvm.engine()}. Use --engine pytorch (in Python: "
                'engine="pytorch").'
            )
        data, prepared = measured_examples(network, dataset, data_dir, preprocessing, channels_last, options)

        def begin() -> Any:
            path = None if folder is None else str(folder)
            return jvm.bridge().landscapes(json.dumps(options)).hessian(network.handle, data, path, prepared)

        handle, _, received = follow(begin, _HessianProgress() if progress else None)
        with jvm.translated_errors():
            results = json.loads(str(handle.results()))
    if results is None:
        saved = "Nothing is saved without a folder." if folder is None else f"Its products are saved in {folder}."
        raise LandscapeInterrupted(signal.Signals(received[0]), folder, saved)
    names = [field.name for field in dataclasses.fields(Hessian) if field.name != "info"]
    info = {key: value for key, value in results.items() if key not in names}
    return Hessian(**{name: results[name] for name in names}, info=info)


def _fraction(value: Any, name: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1:
        return float(value)
    raise UsageError(f"{name} must be a number between 0 and 1. Received: {shown(value)}. Allowed: such as 0.01.")


class _HessianProgress(PointProgress):
    """Shows the estimates after each product."""

    def show(self, state: dict[str, Any], ended: bool) -> None:
        """Shows the state that Java reports."""
        if not state:
            return
        parts = [f"{state['phase']}: {state['done']} of {state['total']} products"]
        for name in ("largest", "smallest"):
            if name in state:
                parts.append(f"{name} {state[name]:.4g} (residual {state[f'{name}_residual']:.1g})")
        if "trace" in state:
            error = state["trace_error"]
            parts.append(f"{state['trace']:.4g}" + ("" if error is None else f" ± {error:.2g}"))
        self._write(parts, ended)
