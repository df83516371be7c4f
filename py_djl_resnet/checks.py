"""Checks of a caller's arguments that would otherwise fail where they cross to Java."""

from __future__ import annotations

import numbers
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
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
    raise UsageError(f"{name} must be a whole number from {least} to {most}; received {shown(value)}")


def whole_numbers(values: Any, name: str) -> list[int]:
    """`values`, such as a shape, as ints from 1 to Java's greatest long, or a :class:`UsageError`."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise UsageError(f"{name} must be whole numbers such as (1, 1, 28, 28); received {shown(values)}")
    return [whole_number(value, f"{name}[{index}]", most=LONG) for index, value in enumerate(values)]


def require_no_pipe(file: Path) -> None:
    """Refuses a pipe or a device in a file's place, for which a reader might wait without end.

    Raises:
        UsageError: it is one. What cannot be looked at is left to the reader.
    """
    try:
        mode = file.stat().st_mode
    except OSError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UsageError(f"{file} is a pipe or a device rather than a file")


def text(value: Any, name: str) -> str:
    """`value` if it is text, or a :class:`UsageError` that names it `name`."""
    if isinstance(value, str):
        return value
    raise UsageError(f"{name} must be text; received {shown(value)}")


def path(value: Any, name: str, advice: str = "") -> str:
    """`value`, text or a `Path`, as text that can be a path; or a :class:`UsageError` that ends with `advice`.

    One that nobody can look at, as too long a name or in a folder that is closed to us, is refused as well.
    """
    found = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(found, str):
        raise UsageError(f"{name} must be a path, as text or a Path; received {shown(value)}{advice}")
    if not found or "\0" in found:
        raise UsageError(f"{name} must be a path; received {shown(found) if found else 'empty text'}")
    if "://" in found:
        raise UsageError(f"{name} cannot be a URL. Received: {shown(found)}. Download the file and give its path.")
    try:
        os.stat(found)
    except (FileNotFoundError, NotADirectoryError):
        pass  # it may be made, or is told of by who looks for it
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{name} {found} cannot be looked at: {reason}") from error
    return found


def instance(value: Any, kind: type[Any], name: str, advice: str) -> Any:
    """`value` if it is of a class, or a :class:`UsageError` that ends with `advice`."""
    if isinstance(value, kind):
        return value
    raise UsageError(f"{name} must be a {kind.__name__}; received {shown(value)}; {advice}")


def function(value: Any, name: str) -> None:
    """Raises :class:`UsageError` unless `value` can be called."""
    if not callable(value):
        raise UsageError(f"{name} must be a function; received {shown(value)}")


def class_names(values: Any, *, distinct: bool = True) -> list[str]:
    """`values` as the names of classes, or a :class:`UsageError`.

    Args:
        values: a list of texts, or what gives them one by one.
        distinct: whether no name may be there twice.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise UsageError(f"class_names must be a list of names; received {shown(values)}")
    names = [text(value, f"class_names[{index}]") for index, value in enumerate(values)]
    if not names:
        raise UsageError("class_names must be at least one name; received none")
    seen: set[str] = set()
    for name in names if distinct else ():
        if name in seen:
            raise UsageError(f"class_names must differ from one another; received {shown(name)} twice")
        seen.add(name)
    return names


def shown(value: object) -> str:
    """`value` as an error shows it, cut to a line's length."""
    try:
        text = repr(value)
    except ValueError:  # Python does not write out whole numbers of thousands of digits
        return "a whole number of thousands of digits"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
