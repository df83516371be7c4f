"""Data sets to download: an archive or separate files, pinned by their SHA-256."""

from __future__ import annotations

import contextlib
import os
import tarfile
import tempfile
import urllib.parse
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError
from . import download


@dataclass(frozen=True)
class Archive:
    """A tar or zip archive of a data set.

    Attributes:
        address: where to download it.
        size: its number of bytes.
        sha256: its checksum.
        folder: the folder to put its files in.
        files: the files to extract, each with its number of bytes; None if that is not published.
        inside: the folder that they are in in the archive, if it has another name.
    """

    address: str
    size: int
    sha256: str
    folder: str
    files: Mapping[str, int | None]
    inside: str | None = None

    @property
    def downloads(self) -> list[Download]:
        """What to download."""
        return [Download(self.address, self.size, self.sha256)]

    def unpack(self, folder: Path) -> None:
        """Extracts the expected files in the folder of the download."""
        with _members(folder / self.downloads[0].name) as extract:
            for name in self.files:
                extract(f"{self.inside or self.folder}/{name}", folder)
        if self.inside is not None:
            os.replace(folder / self.inside, folder / self.folder)


@dataclass(frozen=True)
class Files:
    """The files of a data set that has no archive.

    Attributes:
        address: the folder to download them from.
        folder: the folder to put them in.
        pinned: the number of bytes and the SHA-256 of each file.
    """

    address: str
    folder: str
    pinned: Mapping[str, tuple[int, str]]

    @property
    def files(self) -> Mapping[str, int | None]:
        """The files, each with its number of bytes."""
        return {name: size for name, (size, _) in self.pinned.items()}

    @property
    def downloads(self) -> list[Download]:
        """What to download."""
        return [Download(f"{self.address}/{name}", *pinned) for name, pinned in self.pinned.items()]

    def unpack(self, folder: Path) -> None:
        """Moves the files in the folder of the downloads to a folder of their own."""
        (folder / self.folder).mkdir()
        for name in self.pinned:
            os.replace(folder / name, folder / self.folder / name)


class Download(NamedTuple):
    """An address, with the number of bytes and the SHA-256 of the file there."""

    address: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        return urllib.parse.urlsplit(self.address).path.rpartition("/")[2]


@contextlib.contextmanager
def _members(file: Path) -> Iterator[Callable[[str, Path], object]]:
    """Opens an archive; yields a function that extracts a member into a folder."""
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            yield archive.extract
    else:
        with tarfile.open(file) as tar:
            yield lambda member, folder: tar.extract(member, folder, filter="data")


def is_in(source: Archive | Files, folder: Path) -> bool:
    """Returns whether all files of a data set are in `folder`, each with its size."""
    inside = folder / source.folder
    return all(
        (inside / name).is_file() and size in (None, (inside / name).stat().st_size)
        for name, size in source.files.items()
    )


_BATCH = 10_000 * (1 + 3 * 32 * 32)

_CIFAR_100 = Archive(
    address="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    size=168_513_733,
    sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    folder="cifar-100-binary",
    files={"train.bin": 50_000 * (2 + 3 * 32 * 32), "test.bin": 10_000 * (2 + 3 * 32 * 32)},
)

_EMNIST = Archive(
    address="https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
    size=561_753_746,
    sha256="fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
    folder="emnist",
    files={
        f"emnist-{split}-{part}-{kind}-ubyte.gz": None
        for split in ("letters", "digits", "balanced")
        for part in ("train", "test")
        for kind in ("images-idx3", "labels-idx1")
    },
    inside="gzip",
)

#: The sources by the names of their data sets. CIFAR's authors publish the MD5 c32a1d4ab5d03f1284b67883e8d87530 for
#: CIFAR-10 and 03b5dce01913d631647c71ecec9e9cb8 for CIFAR-100; other programs pin these sizes and SHA-256. The others
#: are pinned as in TensorFlow Datasets, which for EMNIST names the archive's former address.
ARCHIVES: dict[str, Archive | Files] = {
    "cifar-10": Archive(
        address="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        size=170_052_171,
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        folder="cifar-10-batches-bin",
        files={f"data_batch_{number}.bin": _BATCH for number in range(1, 6)} | {"test_batch.bin": _BATCH},
    ),
    "cifar-100": _CIFAR_100,
    "cifar-100-coarse": _CIFAR_100,
    "mnist": Files(
        address="https://storage.googleapis.com/cvdf-datasets/mnist",
        folder="mnist",
        pinned={
            "train-images-idx3-ubyte.gz": (
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            "train-labels-idx1-ubyte.gz": (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            "t10k-images-idx3-ubyte.gz": (
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            "t10k-labels-idx1-ubyte.gz": (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        },
    ),
    "kmnist": Files(
        address="http://codh.rois.ac.jp/kmnist/dataset/kmnist",
        folder="kmnist",
        pinned={
            "train-images-idx3-ubyte.gz": (
                18_165_135,
                "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            ),
            "train-labels-idx1-ubyte.gz": (29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
            "t10k-images-idx3-ubyte.gz": (
                3_041_136,
                "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            ),
            "t10k-labels-idx1-ubyte.gz": (5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
        },
    ),
    "emnist-letters": _EMNIST,
    "emnist-digits": _EMNIST,
    "emnist-balanced": _EMNIST,
}


def fetch(source: Archive | Files, folder: Path, *, offline: bool = False, quiet: bool = False) -> Path:
    """Downloads a data set and unpacks it into `folder`, unless its files are there already.

    Args:
        source: what to download.
        folder: where to put the folder of the files; it is created.
        offline: whether to fail instead of using the network.
        quiet: whether to hide the progress.

    Returns:
        The folder of the files.

    Raises:
        DataError: the download failed, or the files cannot be written.
    """
    inside = folder / source.folder
    if isinstance(source, Archive):
        by_hand = f"download {source.address} with another program and extract it into {folder}"
    else:
        by_hand = f"download {', '.join(source.pinned)} from {source.address} with another program into {inside}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if is_in(source, folder):
            return inside
        if offline:
            raise DataError(
                f"{source.folder} is not in {folder}, and PY_DJL_RESNET_OFFLINE disables downloads. Unset it, or "
                f"{by_hand}."
            )
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
            for wanted in source.downloads:
                title = f"{wanted.name} from {urllib.parse.urlsplit(wanted.address).netloc}"
                with download.progress_bar(title, wanted.size, quiet=quiet) as progress:
                    download.download(
                        wanted.address,
                        Path(temporary) / wanted.name,
                        size=wanted.size,
                        digest=wanted.sha256,
                        progress=progress,
                        error=DataError,
                        advice=f"Check the network and HTTPS_PROXY, or {by_hand}.",
                    )
            source.unpack(Path(temporary))
            inside.mkdir(exist_ok=True)
            for name in source.files:
                os.replace(Path(temporary) / source.folder / name, inside / name)
    except OSError as error:
        raise DataError(
            f"Cannot write to {folder}: {error.strerror or error}. Make it writable, free some space, or choose "
            "another folder with --data-dir."
        ) from error
    return inside
