"""Checks of a caller's arguments that would otherwise fail where they cross to Java."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

from .errors import UsageError

#: The greatest of Java's int and long.
INT = 2**31 - 1
LONG = 2**63 - 1

#: How much of a wrong value an error shows.
_LONGEST = 80


def whole_number(value: Any, name: str, least: int = 1, most: int = INT) -> int:
    """`value` as an int from `least` to `most`, or a :class:`UsageError` that names it `name`."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and least <= int(value) <= most:
        return int(value)
    raise UsageError(f"{name} must be a whole number from {least} to {most}; received {_shown(value)}")


def whole_numbers(values: Any, name: str) -> list[int]:
    """`values`, such as a shape, as ints from 1 to Java's greatest long, or a :class:`UsageError`."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise UsageError(f"{name} must be whole numbers such as (1, 1, 28, 28); received {_shown(values)}")
    return [whole_number(value, f"{name}[{index}]", most=LONG) for index, value in enumerate(values)]


def text(value: Any, name: str) -> str:
    """`value` if it is text, or a :class:`UsageError` that names it `name`."""
    if isinstance(value, str):
        return value
    raise UsageError(f"{name} must be text; received {_shown(value)}")


def _shown(value: Any) -> str:
    try:
        shown = repr(value)
    except ValueError:  # Python does not write out whole numbers of thousands of digits
        return "a whole number of thousands of digits"
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."
