"""Checks arguments that Java cannot check, or would report less clearly. Each check raises :class:`UsageError`."""

from __future__ import annotations

import json
import numbers
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .errors import UsageError

#: The largest values of Java's int and long.
INT = 2**31 - 1
LONG = 2**63 - 1

#: The views of test-time augmentation.
VIEWS = ("flip", "shift")

#: The most characters of a wrong value that an error shows.
_LONGEST = 80


def whole_number(value: Any, name: str, least: int = 1, most: int = INT) -> int:
    """Returns `value` as an int if it is a whole number from `least` to `most`."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and least <= int(value) <= most:
        return int(value)
    raise UsageError(f"{name} must be a whole number. Received: {shown(value)}. Allowed: {least} to {most}.")


def checked_shape(shape: Any) -> list[int]:
    """Returns a shape as ints if they are from 1 to Java's largest long."""
    if not isinstance(shape, Sequence) or isinstance(shape, str):
        raise UsageError(f"shape must be whole numbers such as (1, 1, 28, 28). Received: {shown(shape)}.")
    return [whole_number(size, f"shape[{index}]", most=LONG) for index, size in enumerate(shape)]


def require_no_pipe(file: Path) -> None:
    """Rejects a pipe or a device, because reading it might never end."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UsageError(f"{file} is a pipe or a device. Give a regular file.")


def checked_text(value: Any, name: str) -> str:
    """Returns `value` as a str if it is a string."""
    if isinstance(value, str):
        return str(value)  # numpy's strings are str, but Java does not take them
    raise UsageError(f"{name} must be a string. Received: {shown(value)}.")


def checked_choice(value: Any, name: str, allowed: Sequence[str]) -> str:
    """Returns `value` if it is one of the allowed texts."""
    if value not in allowed:
        raise UsageError(
            f"{name} is unknown. Received: {shown(value)}.{nearest(value, allowed)} Allowed: {', '.join(allowed)}."
        )
    return str(value)


def checked_folder(out: Any) -> Path:
    """Returns the absolute path of a folder, which need not exist."""
    folder = Path(os.path.abspath(checked_path(out, "out")))
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"out must be a folder. Received: the file {folder}. Choose another path.")
    return folder


def checked_path(value: Any, name: str, advice: str = "") -> str:
    """Returns a string or `Path` as a string if Java can use it as a path; `advice` ends an error about its type."""
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(path, str):
        raise UsageError(" ".join([f"{name} must be a string or a Path. Received: {shown(value)}.", advice]).rstrip())
    if not path or "\0" in path:
        raise UsageError(f"{name} must be a path. Received: {shown(path) if path else 'an empty string'}.")
    if "://" in path:
        raise UsageError(f"{name} cannot be a URL. Received: {shown(path)}. Download the file and give its path.")
    require_utf8(path, name)
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass  # whoever reads or creates it reports that
    except OSError as error:
        raise UsageError(f"{name} {path} cannot be accessed: {error.strerror or error}.") from error
    return path


def named_text(value: Any, kind: str, names: Sequence[str], bundled: Callable[[str], str]) -> tuple[str, str, Path]:
    """Returns the text of a JSON file, or of one that comes with the package, by its name.

    Args:
        value: the file or name.
        kind: what it holds, such as ``recipe``, for errors.
        names: the names.
        bundled: returns the text of a name.

    Returns:
        The text, what errors call it, and its path; for a name, the name as a path.
    """
    given = checked_path(value, kind)
    path = Path(given)
    if given in names:
        return bundled(given), f"{kind} {given}", path
    choices = f"Give a JSON file, or one of: {', '.join(names)}."
    if not path.exists() and path.suffix != ".json" and path.name == given:
        raise UsageError(f"Unknown {kind}. Received: {given!r}.{nearest(given, names)} {choices}")
    require_no_pipe(path)
    try:
        return path.read_text("utf-8-sig"), f"{kind} {path}", path
    except OSError as error:
        raise UsageError(f"{kind} {path} cannot be read: {error.strerror}. {choices}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{kind} {path} is not JSON: byte {error.start} is not UTF-8.") from error


def require_utf8(path: str, name: str) -> None:
    """Rejects a path that Java cannot express, alone or below the working directory."""
    whole = os.path.abspath(path)
    try:
        whole.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{name} must be a path in UTF-8. Received: {whole!r}. Rename the file or folder.") from error


def checked_instance(value: Any, kind: type[Any], name: str, advice: str) -> Any:
    """Returns `value` if it is of a class."""
    if isinstance(value, kind):
        return value
    raise UsageError(f"{name} must be a {kind.__name__}. Received: {shown(value)}. {advice}")


def json_object(text: str, source: str, example: str = "") -> dict[str, Any]:
    """Returns the object in a JSON text."""

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = Counter(key for key, _ in pairs)
        if len(keys) < len(pairs):
            raise UsageError(f'{source}: "{keys.most_common(1)[0][0]}" occurs twice. Keep one.')
        return dict(pairs)

    def finite(constant: str) -> None:
        raise UsageError(f"{source}: JSON does not allow {constant}. Give a finite number.")

    try:
        found = json.loads(text, object_pairs_hook=distinct, parse_constant=finite)
    except UsageError:
        raise
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source} is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise UsageError(f"{source} must be a JSON object{example}. Received: {shown(found)}.")
    return found


def checked_class_names(values: Any, *, distinct: bool = True) -> list[str]:
    """Returns `values` as a list if they are class names, at least one."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise UsageError(f"class_names must be a list of names. Received: {shown(values)}.")
    names = [checked_text(value, f"class_names[{index}]") for index, value in enumerate(values)]
    if not names:
        raise UsageError("class_names must have at least 1 name. Received: none.")
    if distinct:
        require_distinct(names, "class_names")
    return names


def checked_views(value: Any) -> str | None:
    """Returns `value` if it names views for test-time augmentation, or is None."""
    text = None if value is None else checked_text(value, "tta")
    for name in [] if text is None else text.split(","):
        if name.strip() not in VIEWS:
            raise UsageError(
                f"Unknown view for test-time augmentation. Received: {shown(name.strip())}."
                f"{nearest(name.strip(), VIEWS)} Allowed: flip, shift, or flip,shift."
            )
    return text


def require_distinct(names: Sequence[str], argument: str) -> None:
    """Raises :class:`UsageError` that shows the first name that occurs twice."""
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise UsageError(f"{argument} must not repeat. Received: {shown(twice)} twice.")


def nearest(name: object, names: Iterable[str], cutoff: float = 0.75) -> str:
    """Returns ``" Did you mean 'x'?"`` for a misspelt name, or an empty string if none is similar."""
    close = get_close_matches(name, list(names), n=1, cutoff=cutoff) if isinstance(name, str) else []
    return f" Did you mean {close[0]!r}?" if close else ""


def listed(names: Sequence[str]) -> str:
    """Returns the first names, at least one, that fit on a line, and how many more there are."""
    words = [repr(name) for name in names]
    count = 1
    while count < len(words) and len(", ".join(words[: count + 1])) <= _LONGEST:
        count += 1
    more = f", and {len(words) - count} more" if count < len(words) else ""
    return ", ".join(words[:count]) + more


def shown(value: object) -> str:
    """Returns the repr of `value`, cut to a line's length."""
    try:
        text = repr(value)
    except ValueError:  # Python does not print integers with thousands of digits
        return "a whole number with thousands of digits"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
