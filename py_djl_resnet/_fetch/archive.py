"""Data sets that are fetched: one archive each, pinned by its checksum, of which only the expected files are taken."""

import gzip
import io
import os
import shutil
import sys
import tarfile
import urllib.parse
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from py_djl_resnet._fetch import download
from py_djl_resnet._java import jars
from py_djl_resnet.errors import DataError

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Archive:
    """A gzip tar archive of a data set.

    Attributes:
        address: where it lies.
        size: its bytes.
        sha256: its checksum.
        folder: the folder that all its files are in.
        files: the files that are taken of it, each with its bytes.
        unpacked: the most bytes that it unpacks to.
    """

    address: str
    size: int
    sha256: str
    folder: str
    files: dict[str, int]
    unpacked: int

    @property
    def name(self) -> str:
        """The archive's file name."""
        return urllib.parse.urlsplit(self.address).path.rpartition("/")[2]

    def is_in(self, folder: Path) -> bool:
        """Whether all its files are in `folder` already, each with its size."""
        inside = folder / self.folder
        return all(
            (inside / name).is_file() and (inside / name).stat().st_size == size for name, size in self.files.items()
        )


_BATCH = 10_000 * (1 + 3 * 32 * 32)

#: The archives by the names of their data sets. CIFAR-10's authors publish the MD5 c32a1d4ab5d03f1284b67883e8d87530;
#: other programs pin the size and SHA-256 that stand here for an archive of that MD5.
ARCHIVES = {
    "cifar-10": Archive(
        address="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        size=170_052_171,
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        folder="cifar-10-batches-bin",
        files={f"data_batch_{number}.bin": _BATCH for number in range(1, 6)} | {"test_batch.bin": _BATCH},
        unpacked=200_000_000,
    )
}


def fetch(archive: Archive, folder: Path, *, quiet: bool = False) -> Path:
    """Fetches `archive` and unpacks it below `folder`, unless its files are there already.

    Args:
        archive: what to fetch.
        folder: where to; it is made. Another process that does the same is waited for.
        quiet: whether to write nothing to standard error.

    Returns:
        The folder of the files.

    Raises:
        DataError: it could not be had, has another checksum, or does not hold its files; or they cannot be written.
    """
    target = folder / archive.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with download.locked(folder / f".{archive.name}.lock"):
            if not archive.is_in(folder):
                if jars.is_offline():
                    raise DataError(
                        f"The network is forbidden (PY_DJL_RESNET_OFFLINE) and {archive.folder} is not in {folder}. "
                        f"Fetch {archive.address} where there is one, and unpack it there."
                    )
                with tqdm(
                    total=archive.size,
                    desc=f"{archive.name} from {urllib.parse.urlsplit(archive.address).netloc}",
                    unit="B",
                    unit_scale=True,
                    mininterval=0.1 if sys.stderr.isatty() else 2.0,
                    file=sys.stderr,
                    disable=quiet,
                ) as progress:
                    download.download(
                        archive.address,
                        target,
                        size=archive.size,
                        digest=archive.sha256,
                        received=progress.update,
                        origin=download.DATA,
                    )
                try:
                    extract(archive, target, folder)
                finally:
                    target.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"Cannot write to {folder}: {error.strerror or error}. Make it writable, free some space, or name another "
            "folder with --data-dir."
        ) from error
    return folder / archive.folder


def extract(archive: Archive, file: Path, folder: Path) -> None:
    """Takes the expected files out of an archive; nothing is written anywhere else.

    Raises:
        DataError: no sound archive, a name that leaves the folder, a link or device, a file of another size, one that
            is missing or there twice; the message names the member.
    """
    inside = folder / archive.folder
    inside.mkdir(parents=True, exist_ok=True)
    expected = {f"{archive.folder}/{name}" for name in archive.files}
    wanted = {f"{archive.folder}/{name}": name for name in archive.files}
    try:
        with gzip.GzipFile(file) as stream, tarfile.open(fileobj=_Bounded(stream, archive.unpacked), mode="r|") as tar:
            for member in tar:
                _check(member, file)
                name = wanted.pop(member.name, None)
                if name is not None:
                    _take(tar, member, archive.files[name], inside / name, file)
                elif member.name in expected:
                    raise DataError(f"{file}: holds {member.name} twice; nothing more is taken of it")
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError) as error:
        raise DataError(f"{file}: not a sound archive: {error}") from error
    if wanted:
        raise DataError(f"{file}: lacks {', '.join(wanted)}")


def _check(member: tarfile.TarInfo, file: Path) -> None:
    name = member.name
    if name.startswith(("/", "\\")) or ":" in name or ".." in name.replace("\\", "/").split("/"):
        raise DataError(f"{file}: refused, for {name!r} leads out of its folder")
    if not (member.isreg() or member.isdir()):
        raise DataError(f"{file}: refused, for {name!r} is neither a file nor a folder but a link or a device")


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, size: int, target: Path, file: Path) -> None:
    if not member.isreg() or member.size != size:
        raise DataError(f"{file}: {member.name} must be a file of {size} bytes; received {member.size}")
    source = tar.extractfile(member)
    assert source is not None  # a regular file has content
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as written:
            shutil.copyfileobj(source, written, _CHUNK)
            written.flush()
            os.fsync(written.fileno())
        if temporary.stat().st_size != size:
            raise DataError(f"{file}: {member.name} is cut short")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


class _Bounded(io.RawIOBase):
    """A stream that gives no more than so many bytes, whatever lengths its content announces."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream = stream
        self._left = most

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads the next bytes; ValueError beyond the bound."""
        content = self._stream.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise ValueError("it unpacks to more than it should")
        buffer[: len(content)] = content
        return len(content)
