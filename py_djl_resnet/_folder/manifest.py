"""Checksums and shapes of image files, which identify the data of a run."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tqdm import tqdm

from .._files import write
from .._java import jars, jvm
from ..errors import ResnetError, UsageError
from ..images import Shape, printable, probe

Item = TypeVar("Item")

#: Files per task of a thread.
_CHUNK = 16

_COLUMNS = ("part", "path", "bytes", "crc32")


class Entry(NamedTuple):
    """An image file: its path relative to the folder, label, size in bytes, CRC-32 and shape (C, H, W)."""

    path: str
    label: int
    size: int
    checksum: int
    shape: Shape


def scan(folder: Path, files: Sequence[tuple[str, int]], *, quiet: bool) -> tuple[list[Entry], dict[str, str]]:
    """Reads the checksum and shape of each file; those of files that have not changed since are remembered.

    Returns:
        The entries of readable images in the order of `files`, and an error message for each other file.
    """
    memory = _Memory(folder)
    found: list[Entry | None] = [None] * len(files)
    problems: dict[str, str] = {}

    def look(index: int) -> None:
        path, label = files[index]
        try:
            size, checksum, shape = memory.find(path) or memory.keep(path, *_read(folder / path))
        except UsageError as error:
            problems[path] = str(error)
        else:
            found[index] = Entry(path, label, size, checksum, shape)

    in_threads(range(len(files)), look, "checking images", quiet=quiet)
    memory.save()
    return [entry for entry in found if entry is not None], dict(sorted(problems.items()))


def _read(file: Path) -> tuple[os.stat_result, int, Shape]:
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"Image {printable(file)} is a pipe or a device. Remove it.")
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"Image {printable(file)} cannot be read: {error.strerror or error}.") from error
    return status, zlib.crc32(content), probe(io.BytesIO(content), f"Image {printable(file)}")


class _Memory:
    """Remembers what is known of a folder's files, by their sizes and times of change, in the cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        self._file = store_folder() / f"{name}.files.json"
        self._known: dict[str, Any] = {}
        self._new = False
        with contextlib.suppress(OSError, ValueError, TypeError):  # it is only there to save time
            self._known = dict(json.loads(self._file.read_bytes()))

    def find(self, path: str) -> tuple[int, int, Shape] | None:
        known = self._known.get(path)
        if known is None:
            return None
        try:
            status = os.stat(self._folder / path)
            size, time, checksum, shape = known
        except (OSError, ValueError):
            return None
        return (size, checksum, tuple(shape)) if (size, time) == (status.st_size, status.st_mtime_ns) else None

    def keep(self, path: str, status: os.stat_result, checksum: int, shape: Shape) -> tuple[int, int, Shape]:
        self._known[path] = (status.st_size, status.st_mtime_ns, checksum, shape)
        self._new = True
        return status.st_size, checksum, shape

    def save(self) -> None:
        if self._new:
            with contextlib.suppress(ResnetError):
                write(self._file, json.dumps(self._known).encode(), "Cache")


def store_folder() -> Path:
    """Returns the folder of decoded images, in the cache."""
    return jars.cache_folder() / "images"


def fingerprint(entries: Iterable[Entry], class_names: Sequence[str] = ()) -> str:
    """Returns eight hexadecimal digits that depend on each image's path, content and class name, and on the order."""
    found = 0
    for entry in entries:
        name = class_names[entry.label] if class_names else ""
        line = f"{entry.path}\0{entry.size}\0{entry.checksum:08x}\0{name}\n"
        found = zlib.crc32(line.encode("utf-8", "surrogateescape"), found)
    return f"{found:08x}"


def write_manifest(file: Path, parts: dict[str, list[Entry]]) -> None:
    """Writes a table of the images of a run."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for part, entries in parts.items():
        table.writerows((part, entry.path, entry.size, f"{entry.checksum:08x}") for entry in entries)
    write(file, text.getvalue().encode("utf-8", "surrogateescape"), "Table")


def require_same(file: Path, folder: Path, parts: dict[str, list[Entry]]) -> None:
    """Raises :class:`UsageError` that names the first image that differs from a table of :func:`write_manifest`.

    A missing or damaged table is ignored: Java compares a checksum of all images as well.
    """
    try:
        rows = list(csv.reader(io.StringIO(file.read_bytes().decode("utf-8", "surrogateescape"))))
        before = {(part, path): (int(size), int(checksum, 16)) for part, path, size, checksum in rows[1:]}
    except (OSError, ValueError, csv.Error):
        return
    now = {(part, entry.path): (entry.size, entry.checksum) for part, entries in parts.items() for entry in entries}
    differences = {
        "has changed": [name for _, name in sorted(key for key in now if key in before and now[key] != before[key])],
        "is missing or unreadable": [name for _, name in sorted(before.keys() - now.keys())],
        "is new": [name for _, name in sorted(now.keys() - before.keys())],
    }
    what, names = next(((what, names) for what, names in differences.items() if names), ("", []))
    if names:
        others = sum(map(len, differences.values())) - 1
        more = f" {others} others differ as well." if others > 1 else " 1 other differs as well." if others else ""
        raise UsageError(
            f"The images in {folder} differ from those of the run: {printable(names[0])} {what}.{more} "
            "Restore them, or start a new run."
        )


def in_threads(items: Sequence[Item], work: Callable[[Item], None], title: str, *, quiet: bool) -> None:
    """Calls `work` for each item in as many threads as there are processors, and shows a bar if it takes long.

    Decoding, checksums and Java release Python's global lock, so threads run in parallel.
    """
    executor = ThreadPoolExecutor(jvm.processors(), thread_name_prefix="images")
    chunks = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]

    def all_of(chunk: Sequence[Item]) -> int:
        for item in chunk:
            work(item)
        return len(chunk)

    try:
        with tqdm(
            total=len(items),
            desc=title,
            unit=" images",
            delay=1,
            mininterval=0.1 if sys.stderr.isatty() else 5.0,
            file=sys.stderr,
            disable=quiet,
        ) as bar:
            for done in executor.map(all_of, chunks):
                bar.update(done)
    finally:
        executor.shutdown(cancel_futures=True)  # after Ctrl-C, only the chunks that have begun
