"""Writes files for the user."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from .errors import ResnetError, UsageError

#: The disk's fault, not the caller's.
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@contextlib.contextmanager
def writing(file: Path, kind: str) -> Iterator[None]:
    """Turns an ``OSError`` into an error that names the file: of usage, unless the disk is full or fails.

    Args:
        file: the file.
        kind: what it is, such as "Figure".
    """
    try:
        yield
    except OSError as error:
        name = f"{kind} {file} cannot be written: {error.strerror or error}."
        if error.errno in _DISK:
            raise ResnetError(f"{name} Free some disk space.") from error
        raise UsageError(f"{name} Choose another file.") from error


def write(file: Path, content: bytes, kind: str) -> None:
    """Creates the file's folder, writes another file there and renames it, so that `file` is complete or missing."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    with writing(file, kind):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            os.replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
