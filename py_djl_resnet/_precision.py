"""The precision of convolutions and activations."""

from __future__ import annotations

import functools
import json

from ._java import jvm
from .errors import warn


def warn_if_slow(precision: str) -> None:
    """Warns of bfloat16 on a processor where it is slower; MXNet rejects it. Needs Java."""
    if precision == "bfloat16" and jvm.engine() == "pytorch" and not _is_fast():
        warn("On this processor float32 is faster than bfloat16. 'auto' chooses for you.")


@functools.cache
def _is_fast() -> bool:
    with jvm.translated_errors():
        return bool(json.loads(str(jvm.bridge().describe()))["bfloat16"])
