"""Finds the images and classes in a folder."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..checks import listed, nearest, require_no_pipe, require_utf8, shown
from ..errors import UsageError
from ..images import SUFFIXES, printable
from ..settings import FOLDER, absolute

#: The names of the folder of each part, besides ``train``.
_PARTS = {"validation": ("val", "valid", "validation"), "test": ("test",)}

#: Names, in small letters, of folders that are hardly classes if they hold folders instead of images.
_LIKE_PARTS = {"train", "training", "val", "valid", "validation", "test", "testing"}

#: A file's path relative to the data set's folder, and its label.
File = tuple[str, int]


@dataclass(frozen=True)
class Layout:
    """The images in a folder.

    Attributes:
        folder: the folder.
        class_names: the class names, sorted; a label is an index.
        parts: the images of ``train``, and of ``validation`` and ``test`` if they exist. Classes take turns, so that
            the first N images have all classes.
        others: files that are not images, as far as their suffixes show.
        beside: what is beside the folders of the parts, and not used.
    """

    folder: Path
    class_names: list[str]
    parts: dict[str, list[File]]
    others: list[str]
    beside: list[str]

    def counts(self, part: str) -> list[int]:
        """Returns the number of images of each class."""
        found = [0] * len(self.class_names)
        for _, label in self.parts[part]:
            found[label] += 1
        return found


def is_folder(dataset: object) -> bool:
    """Returns whether a data set's name is ``folder:DIR``."""
    return isinstance(dataset, str) and dataset.startswith(FOLDER)


def path_of(dataset: str) -> Path:
    """Returns the absolute path of ``folder:DIR``."""
    folder = dataset.removeprefix(FOLDER)
    if not folder or "\0" in folder:
        raise UsageError(f"A folder of images needs a path. Received: {shown(dataset)}. Allowed: folder:DIR.")
    require_utf8(folder, "The folder")
    return Path(absolute(folder))


def require_present(dataset: str) -> None:
    """Raises :class:`UsageError` if the folder of a run's images is no longer there."""
    folder = path_of(dataset)
    if not folder.exists():
        raise UsageError(
            f"The images of the run are no longer in {folder}. Move them back, or link their new folder there, for "
            f"example with: ln -s /NEW/FOLDER {shlex.quote(str(folder))}"
        )


def read_layout(folder: Path, class_names: list[str] | None = None, *, evaluates: bool = False) -> Layout:
    """Lists the images of a folder.

    The folder contains ``train/CLASS/*`` and ``val/CLASS/*``, ``test/CLASS/*`` or both; or else ``CLASS/*``. Images in
    sub-folders of a class belong to it. Hidden files and folders are ignored, links are followed.

    Args:
        folder: the folder.
        class_names: those of a network, which must include the folder's; None for the folder's own.
        evaluates: whether the images are evaluated, as always with `class_names`. Then ``train/`` may be missing beside
            ``val/`` or ``test/``, and a class may have no images.

    Raises:
        UsageError: there is no such folder, an image outside the class folders, a class without training images, or
            fewer than two classes.
    """
    require_no_pipe(folder)
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise UsageError(f"{folder} {what}. Give a folder with a sub-folder of images for each class.")
    evaluates = evaluates or class_names is not None
    roots = _roots(folder, class_names or (), evaluates)
    others: list[str] = []
    found = {part: _classes(folder, root, others) for part, root in roots.items()}
    names = class_names
    if names is None:
        names = sorted(set().union(*found.values())) if evaluates else _own_classes(roots, found)
    labels = {name: label for label, name in enumerate(names)}
    parts = {part: _in_turn(folder, classes, labels) for part, classes in found.items()}
    for part, files in parts.items():
        if not files:
            raise UsageError(f"{roots[part]} contains no images. Add some, or remove the folder.")
    return Layout(folder, list(names), parts, others, list(_beside(folder, roots)))


def _own_classes(roots: Mapping[str, Path], found: Mapping[str, Mapping[str, Sequence[str]]]) -> list[str]:
    """Returns the sorted classes of a folder to train on, after checking that each has training images."""
    train = found["train"]
    if empty := [name for name, files in train.items() if not files]:
        raise UsageError(
            f"{roots['train'] / empty[0]} contains no images. Allowed: {', '.join(SUFFIXES)}. Add some, or remove the "
            "folder."
        )
    names = sorted(train)
    _require_classes(roots["train"], names)
    for part, classes in found.items():
        if unknown := [name for name, files in classes.items() if files and name not in train]:
            raise UsageError(
                f"Class {shown(unknown[0])} has images in {roots[part]}, but not in {roots['train']}. "
                f"Add training images, or remove it.{nearest(unknown[0], names)}"
            )
    return names


def is_split(folder: Path) -> bool:
    """Returns whether a folder has validation or test images of its own."""
    return folder.is_dir() and len(_roots(folder)) > 1


def _roots(folder: Path, class_names: Sequence[str] = (), evaluates: bool = False) -> dict[str, Path]:
    """Returns the folder of each part. A class may be called train: its folder has images, not folders of them."""
    train = folder / "train"
    others = [name for names in _PARTS.values() for name in names if _holds_classes(folder / name)]
    # with others beside it, stray images in it are reported
    split = _holds_classes(train) or (bool(others) and _holds_folders(train))
    lacks_train = not split and evaluates and any(_is_part(folder / name, class_names) for name in others)
    found = {"train": train} if split else {} if lacks_train else {"train": folder}
    if split or lacks_train:
        for part, names in _PARTS.items():
            existing = [folder / name for name in names if (folder / name).is_dir()]
            if len(existing) > 1:
                raise UsageError(f"{folder} has both {existing[0].name} and {existing[1].name}. Keep one.")
            if existing:
                found[part] = existing[0]
    for entry in _visible(folder):
        if (
            entry.name.lower() in _LIKE_PARTS
            and entry.name not in class_names
            and _holds_classes(Path(entry.path))
            and not any(os.path.samefile(entry.path, root) for root in found.values())
        ):
            raise UsageError(
                f"{printable(entry.path)} holds folders instead of images, so it seems to be a part of the data rather "
                "than a class. Allowed: train with val or test beside it, or the folders of classes alone. Rename it."
            )
    return found


def _is_part(folder: Path, class_names: Sequence[str]) -> bool:
    """Returns whether a folder of folders holds classes of a network, rather than being such a class."""
    return folder.name not in class_names or all(
        entry.name in class_names for entry in _visible(folder) if entry.is_dir()
    )


def _beside(folder: Path, roots: dict[str, Path]) -> Iterator[str]:
    """Yields what is beside the parts of a folder."""
    if roots.get("train") == folder:
        return
    for entry in _visible(folder):
        if _is_image(entry):
            raise _stray(entry)
        if not any(root.name == entry.name for root in roots.values()):
            yield entry.name


def _stray(image: os.DirEntry[str]) -> UsageError:
    return UsageError(
        f"Image {printable(image.path)} is in no class folder. Move it into a folder named after its class."
    )


def _holds_classes(folder: Path) -> bool:
    """Returns whether a folder holds folders and no images."""
    return _holds_folders(folder) and not any(_is_image(entry) for entry in _visible(folder))


def _holds_folders(folder: Path) -> bool:
    return folder.is_dir() and any(entry.is_dir() for entry in _visible(folder))


def _visible(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yields what is in a folder, sorted, without hidden files."""
    try:
        with os.scandir(folder) as entries:
            yield from sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)
    except OSError as error:
        raise UsageError(f"Folder {printable(folder)} cannot be read: {error.strerror or error}.") from error


def _is_image(entry: os.DirEntry[str]) -> bool:
    return os.path.splitext(entry.name)[1].lower() in SUFFIXES and not entry.is_dir()


def _classes(folder: Path, root: Path, others: list[str]) -> dict[str, list[str]]:
    """Returns the images of each class below `root`, as paths relative to `folder`."""
    classes: dict[str, list[str]] = {}
    for entry in _visible(root):
        if entry.is_dir():
            require_utf8(entry.path, "A class folder")
            classes[entry.name] = list(_images(folder, Path(entry.path), others, ()))
        elif _is_image(entry):
            raise _stray(entry)
        else:
            others.append(os.path.relpath(entry.path, folder))
    return classes


def _images(folder: Path, inside: Path, others: list[str], parents: tuple[str, ...]) -> Iterator[str]:
    real = os.path.realpath(inside)
    if real in parents:
        raise UsageError(f"{printable(inside)} is a link to a folder that contains it. Remove the link.")
    for entry in _visible(inside):
        if entry.is_dir():
            yield from _images(folder, Path(entry.path), others, (*parents, real))
        elif _is_image(entry):
            yield os.path.relpath(entry.path, folder)
        else:
            others.append(os.path.relpath(entry.path, folder))


def _require_classes(root: Path, names: list[str]) -> None:
    if len(names) < 2:
        received = f"only {shown(names[0])}" if names else "none"
        raise UsageError(
            f"{root} must contain a folder of images for each of at least 2 classes. Received: {received}. "
            "Sort the images into folders named after their classes."
        )


def _in_turn(folder: Path, classes: dict[str, list[str]], labels: dict[str, int]) -> list[File]:
    turns = []
    for name, files in classes.items():
        if files and name not in labels:
            raise UsageError(
                f"Class {shown(name)} of {folder} is not a class of the network.{nearest(name, labels)} "
                f"Allowed: {listed(list(labels))}. Rename the folder, or remove it."
            )
        turns += [(turn, labels[name], file) for turn, file in enumerate(files)]
    return [(file, label) for _, label, file in sorted(turns)]
