"""Decodes the images of a folder into a file that Java maps into memory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._files import write
from .._java import jvm
from ..errors import DataError, UsageError
from ..images import decode, printable
from .manifest import Entry, fingerprint, in_threads, store_folder

#: Larger images are decoded one at a time, to bound the memory.
_LARGE = 24_000_000
_large = threading.Lock()

#: After so many seconds without a change, nobody writes to a temporary file: a day.
_ABANDONED = 86400


class Store(NamedTuple):
    """Decoded images.

    Attributes:
        file: the file, with a record for each entry.
        problems: an error message for each image that cannot be decoded, by path; its record is empty.
    """

    file: Path
    problems: dict[str, str]


def find_stored(folder: Path, selection: str, entries: Sequence[Entry], preprocessing: str) -> Store | None:
    """Returns the images that :func:`stored` has decoded before, with the same arguments; None if it has not."""
    return _read(_file(folder, selection, entries, preprocessing))


def stored(folder: Path, selection: str, entries: Sequence[Entry], preprocessing: str, *, quiet: bool) -> Store:
    """Decodes images for a network, unless an earlier call has done so.

    There is one file for a folder, a selection of its images and a size; another one replaces it when images change.

    Args:
        folder: the folder of the images.
        selection: a name for these images of the folder.
        entries: the images.
        preprocessing: the network's preprocessing as JSON. Images are stored as far as it allows: resized if it
            resizes bytes, else as they are.
        quiet: whether to hide the progress.

    Raises:
        UsageError: the disk has too little space.
        DataError: the file cannot be written.
    """
    file = _file(folder, selection, entries, preprocessing)
    if store := _read(file):
        return store
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(file.parent)
        _require_space(folder, entries, preprocessing, file.parent)
        problems = _decode(folder, entries, preprocessing, file, quiet=quiet)
    except OSError as error:
        raise DataError(_unwritable(file.parent, error.strerror or str(error))) from error
    write(file.with_suffix(".json"), json.dumps(problems).encode(), "Cache")
    for old in file.parent.glob(f"{file.name.partition('-')[0]}-*"):
        if old.stem != file.stem:
            with contextlib.suppress(OSError):
                old.unlink()
    return Store(file, problems)


def _file(folder: Path, selection: str, entries: Sequence[Entry], preprocessing: str) -> Path:
    """Returns the file of images: the name of what is decoded, and the fingerprint of the images."""
    with jvm.translated_errors():
        form = str(jvm.bridge().folders().storable(preprocessing))
    name = hashlib.sha256(os.fsencode("\0".join([str(folder), selection, form]))).hexdigest()[:16]
    return store_folder() / f"{name}-{fingerprint(entries)}.images"


def _read(file: Path) -> Store | None:
    """Returns decoded images, or None if the file is not complete."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        problems = dict(json.loads(file.with_suffix(".json").read_bytes()))
        if file.is_file():
            return Store(file, problems)
    return None


def _remove_leftovers(cache: Path) -> None:
    """Removes what killed processes were writing."""
    for leftover in cache.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _ABANDONED:
                leftover.unlink()


def _unwritable(cache: Path, reason: str) -> str:
    return (
        f"Decoded images cannot be written to {cache}: {reason}. Make it writable, free some space, or set "
        "PY_DJL_RESNET_CACHE to another folder."
    )


def _require_space(folder: Path, entries: Sequence[Entry], preprocessing: str, cache: Path) -> None:
    shapes = np.array([entry.shape for entry in entries], np.int32).ravel()
    with jvm.translated_errors():
        needed = int(jvm.bridge().folders().bytes(preprocessing, shapes))
    free = shutil.disk_usage(cache).free
    if needed > free:
        raise UsageError(
            f"The disk has too little space for the decoded images of {folder}. Received: {free / 1e9:.1f} GB in "
            f"{cache}. Needed: {needed / 1e9:.1f} GB. Free some space, set PY_DJL_RESNET_CACHE to a folder on another "
            "disk, or use a smaller image size."
        )


def _decode(folder: Path, entries: Sequence[Entry], preprocessing: str, file: Path, *, quiet: bool) -> dict[str, str]:
    """Writes the file, and returns the problems."""
    problems: dict[str, str] = {}
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with jvm.translated_errors():
            writer = jvm.bridge().folders().create(str(temporary), len(entries), preprocessing)

        def one(record: int) -> None:
            entry = entries[record]
            try:
                with _bounded(entry):
                    _put(writer, record, folder / entry.path)
            except UsageError as error:
                problems[entry.path] = str(error)

        try:
            in_threads(range(len(entries)), one, "decoding images", quiet=quiet)
            with jvm.translated_errors():
                writer.finish()
        finally:
            writer.close()
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
    return dict(sorted(problems.items()))


def _put(writer: Any, record: int, image: Path) -> None:
    pixels = decode(image)
    try:
        with jvm.translated_errors():
            # a copy: Java would keep a buffer of numpy's memory until it collects garbage
            writer.put(record, pixels.view(np.int8).ravel(), *pixels.shape)
    except UsageError as error:
        raise UsageError(f"Image {printable(image)} cannot be stored. {error}") from error


@contextlib.contextmanager
def _bounded(entry: Entry) -> Iterator[None]:
    _, height, width = entry.shape
    with _large if height * width > _LARGE else contextlib.nullcontext():
        yield
