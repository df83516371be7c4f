"""The layers of a network: shapes, parameters, multiply-adds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ._java import jvm
from ._tables import text_table
from .checks import checked_shape, checked_text, whole_number
from .errors import UsageError


@dataclass(frozen=True)
class Summary:
    """The layers of a network for one input shape.

    Attributes:
        model: the network's name.
        input: the input's shape (N, C, H, W).
        layers: one dict for each layer: ``name``, ``type``, ``output_shape``, ``parameters``, ``multiply_adds``.
        total: ``parameters``, ``trainable_parameters``, ``multiply_adds``.
    """

    model: str
    input: tuple[int, ...]
    layers: list[dict[str, Any]]
    total: dict[str, int]

    @staticmethod
    def from_dict(form: dict[str, Any]) -> Summary:
        """Returns the summary that :meth:`to_dict` turned into `form`."""
        return Summary(form["model"], tuple(form["input"]), form["layers"], form["total"])

    def to_dict(self) -> dict[str, Any]:
        """Returns ``{"model", "input", "layers": [...], "total": {...}}``, ready for JSON."""
        return asdict(self) | {"input": list(self.input)}

    def lines(self) -> str:
        """Returns the chapter's lines, one for each layer: ``01Conv2d (1,64,112,112)``."""
        return "\n".join(f"{layer['name']} {_shape(layer['output_shape'])}" for layer in self.layers)

    def __str__(self) -> str:
        rows = [("layer", "type", "output shape", "parameters", "multiply-adds")]
        rows += [
            (
                layer["name"],
                layer["type"],
                _shape(layer["output_shape"]),
                f"{layer['parameters']:,}",
                f"{layer['multiply_adds']:,}",
            )
            for layer in self.layers
        ]
        total = self.total
        rows.append(("total", "", "", f"{total['parameters']:,}", f"{total['multiply_adds']:,}"))
        table = text_table(rows, right=(3, 4)).splitlines()
        rule = "-" * max(map(len, table))
        return "\n".join(
            [
                f"{self.model} on {_shape(self.input)}",
                table[0],
                rule,
                *table[1:-1],
                rule,
                table[-1],
                f"trainable parameters: {total['trainable_parameters']:,}",
            ]
        )


def summarize(
    model: str,
    shape: Sequence[int] | None = None,
    *,
    classes: int | None = None,
    depth: int = 1,
    engine: str | None = None,
) -> Summary:
    """Lists the layers of a network for an input shape, without computing anything.

    Args:
        model: a name from :func:`py_djl_resnet.models.available`, with options after plus signs.
        shape: the input's shape (N, C, H, W); None for the network's usual one, such as (1, 1, 28, 28).
        classes: the number of outputs; None for the usual number.
        depth: levels of nested blocks to list, at least 1.
        engine: ``pytorch`` or ``mxnet``; None for the running one, else ``pytorch``.

    Raises:
        UsageError: an unknown name, or a shape that the network cannot take.
    """
    checked_text(model, "model")
    sizes = [] if shape is None else checked_shape(shape)
    count = 0 if classes is None else whole_number(classes, "classes")
    depth = whole_number(depth, "depth")
    if shape is not None and not sizes:
        raise UsageError("shape is empty. Received: (). Allowed: four integers (N, C, H, W).")
    jvm.start(engine)
    with jvm.translated_errors():
        return Summary.from_dict(json.loads(str(jvm.bridge().summary(model, count, sizes, depth))))


def program(
    model: str,
    shape: Sequence[int] | None = None,
    *,
    classes: int | None = None,
    precision: str = "float32",
) -> str:
    """Returns the TorchScript that a network runs as on the PyTorch engine: a training step and an evaluation.

    Args:
        model: a name from :func:`py_djl_resnet.models.available`, with options after plus signs.
        shape: the input's shape (N, C, H, W); None for the network's usual one.
        classes: the number of outputs; None for the usual number.
        precision: of convolutions and activations: ``float32``, ``bfloat16`` or ``auto``.

    Raises:
        UsageError: an unknown name or precision, or a shape that the network cannot take.
    """
    sizes = [] if shape is None else checked_shape(shape)
    count = 0 if classes is None else whole_number(classes, "classes")
    jvm.start()
    with jvm.translated_errors():
        return str(
            jvm.bridge().program(checked_text(model, "model"), count, sizes, checked_text(precision, "precision"))
        )


def _shape(shape: Sequence[int]) -> str:
    return f"({','.join(map(str, shape))})"
