"""Data sets to download: one archive each, pinned by its SHA-256."""

from __future__ import annotations

import os
import tarfile
import tempfile
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from . import download


@dataclass(frozen=True)
class Archive:
    """A tar archive of a data set.

    Attributes:
        address: where to download it.
        size: its number of bytes.
        sha256: its checksum.
        folder: the folder that its files are in.
        files: the files to extract, each with its number of bytes.
    """

    address: str
    size: int
    sha256: str
    folder: str
    files: dict[str, int]

    @property
    def name(self) -> str:
        """The archive's file name."""
        return urllib.parse.urlsplit(self.address).path.rpartition("/")[2]

    def is_in(self, folder: Path) -> bool:
        """Returns whether all its files are in `folder`, each with its size."""
        inside = folder / self.folder
        return all(
            (inside / name).is_file() and (inside / name).stat().st_size == size for name, size in self.files.items()
        )


_BATCH = 10_000 * (1 + 3 * 32 * 32)

#: The archives by the names of their data sets. CIFAR-10's authors publish the MD5 c32a1d4ab5d03f1284b67883e8d87530;
#: other programs pin this size and SHA-256 for the archive with that MD5.
ARCHIVES = {
    "cifar-10": Archive(
        address="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        size=170_052_171,
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        folder="cifar-10-batches-bin",
        files={f"data_batch_{number}.bin": _BATCH for number in range(1, 6)} | {"test_batch.bin": _BATCH},
    )
}


def fetch(archive: Archive, folder: Path, *, offline: bool = False, quiet: bool = False) -> Path:
    """Downloads `archive` and extracts it into `folder`, unless its files are there already.

    Args:
        archive: what to download.
        folder: where to put the files; it is created.
        offline: whether to fail instead of using the network.
        quiet: whether to hide the progress.

    Returns:
        The folder of the files.

    Raises:
        DataError: the download failed, or the files cannot be written.
    """
    by_hand = f"download {archive.address} with another program and extract it into {folder}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if archive.is_in(folder):
            return folder / archive.folder
        if offline:
            raise DataError(
                f"{archive.folder} is not in {folder}, and PY_DJL_RESNET_OFFLINE disables downloads. Unset it, or "
                f"{by_hand}."
            )
        title = f"{archive.name} from {urllib.parse.urlsplit(archive.address).netloc}"
        with (
            tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary,
            download.progress_bar(title, archive.size, quiet=quiet) as progress,
        ):
            file = Path(temporary) / archive.name
            download.download(
                archive.address,
                file,
                size=archive.size,
                digest=archive.sha256,
                progress=progress,
                error=DataError,
                advice=f"Check the network and HTTPS_PROXY, or {by_hand}.",
            )
            _extract(archive, file, folder)
    except OSError as error:
        raise DataError(
            f"Cannot write to {folder}: {error.strerror or error}. Make it writable, free some space, or choose "
            "another folder with --data-dir."
        ) from error
    return folder / archive.folder


def _extract(archive: Archive, file: Path, folder: Path) -> None:
    """Extracts the expected files next to `file`, then moves them into place."""
    with tarfile.open(file) as tar:
        for name in archive.files:
            tar.extract(f"{archive.folder}/{name}", file.parent, filter="data")
    (folder / archive.folder).mkdir(exist_ok=True)
    for name in archive.files:
        os.replace(file.parent / archive.folder / name, folder / archive.folder / name)
