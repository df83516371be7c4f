"""What a network is made of: layers, shapes, parameters, multiply-adds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ._java import jvm
from .checks import checked_text, whole_number, whole_numbers
from .errors import UsageError


@dataclass(frozen=True)
class Summary:
    """The layers of a network for one input shape.

    Args:
        model: the network's name.
        input: (N, C, H, W).
        layers: for each ``name``, ``type``, ``output_shape``, ``parameters``, ``multiply_adds``.
        total: ``parameters``, ``trainable_parameters``, ``multiply_adds``.
    """

    model: str
    input: tuple[int, ...]
    layers: list[dict[str, Any]]
    total: dict[str, int]

    @staticmethod
    def from_dict(form: dict[str, Any]) -> Summary:
        """A summary of the form that :meth:`to_dict` makes."""
        return Summary(form["model"], tuple(form["input"]), form["layers"], form["total"])

    def to_dict(self) -> dict[str, Any]:
        """``{"model", "input", "layers": [...], "total": {...}}``, ready for JSON."""
        return {
            "model": self.model,
            "input": list(self.input),
            "layers": self.layers,
            "total": self.total,
        }

    def lines(self) -> str:
        """The chapter's lines, one a layer: ``01Conv2d (1,64,112,112)``."""
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
    """The layers of a network by name, for an input shape (N, C, H, W); nothing is computed.

    Args:
        model: a name of :func:`available`, with options after plus signs.
        shape: (N, C, H, W); None for the network's usual one, as (1, 1, 28, 28).
        classes: logits of its output; None for its usual number.
        depth: how many levels of nested blocks are listed, at least 1.
        engine: ``pytorch`` or ``mxnet``; None for the one that runs, else ``pytorch``.

    Raises:
        UsageError: an unknown name, or a shape that the network cannot take.
    """
    checked_text(model, "model")
    sizes = [] if shape is None else whole_numbers(shape, "shape")
    count = 0 if classes is None else whole_number(classes, "classes")
    depth = whole_number(depth, "depth")
    if shape is not None and not sizes:
        raise UsageError("shape must be four whole numbers (N, C, H, W); received none")
    jvm.start(engine)
    with jvm.translated_errors():
        return Summary.from_dict(json.loads(str(jvm.bridge().summary(model, count, sizes, depth))))


def text_table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows as lines with aligned columns; the columns in `right` are aligned to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _shape(shape: Sequence[int]) -> str:
    return f"({','.join(map(str, shape))})"
