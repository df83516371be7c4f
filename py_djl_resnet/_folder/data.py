"""The data of a run or an evaluation on a folder of images."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .._java import jvm
from ..checks import listed
from ..errors import UsageError, warn
from ..images import SUFFIXES, Shape, printable
from ..recipe import Recipe
from .layout import Layout, is_folder, is_split, path_of, read_layout
from .manifest import Entry, fingerprint, require_same, scan, write_manifest
from .store import find_stored, stored

#: The share of images held out if a folder has no others to evaluate on.
_HELD_OUT = 0.2

#: What to do about images that cannot be decoded.
_LEAVE_OUT = (
    "Remove such images. Training, evaluate and datasets show can leave them out with skip_bad (on the command line "
    "--skip-bad)."
)
_RESTORE = "Restore them: a run resumes only on the images that it began with."

#: The table of a run's images in its folder.
_MANIFEST = "images.csv"


def with_split(recipe: Recipe) -> Recipe:
    """Returns a recipe that holds out images if its folder has only training images."""
    if recipe.validation is not None or not is_folder(recipe.dataset) or is_split(path_of(recipe.dataset)):
        return recipe
    return recipe.replace(validation=_HELD_OUT)


class FolderData:
    """The parts of a folder, decoded and opened in Java. The JVM must be running.

    Attributes:
        layout: the classes and files.
        train: Java's ``Examples`` for training.
        validation: those of ``val/``; None if there are none.
        test: those of ``test/``; None if there are none.
        preprocessing: how the network prepares the images, as JSON.
    """

    def __init__(
        self, recipe: Recipe, *, preprocessing: str | None = None, begins: bool = False, quiet: bool = False
    ) -> None:
        """Reads a recipe's folder.

        Args:
            recipe: the recipe, checked.
            preprocessing: the network's preprocessing as JSON; None to choose that of a new network.
            begins: whether it is for a new run. Then files that are not images are warned about, and the settings are
                checked before any image is decoded.
            quiet: whether to hide the progress.
        """
        self.layout = read_layout(path_of(recipe.dataset))
        if begins:
            _report_ignored(self.layout)
        classes = len(self.layout.class_names)
        if recipe.limit is not None and recipe.limit < classes:
            raise UsageError(
                f"limit must be at least the number of classes of {self.layout.folder}. Received: {recipe.limit}. "
                f"Allowed: {classes} or more."
            )
        self._entries: dict[str, list[Entry]] = {}
        problems: dict[str, str] = {}
        for part, files in self.layout.parts.items():
            self._entries[part], bad = scan(self.layout.folder, files[: recipe.limit], quiet=quiet)
            problems |= bad
        advice = _LEAVE_OUT if preprocessing is None else _RESTORE
        require_readable(problems, recipe.skip_bad, advice)
        shapes = [entry.shape for entries in self._entries.values() for entry in entries]
        for part, entries in self._entries.items():
            _require_some(entries, self.layout, part)
        _require_classes(self.layout, self._entries["train"])
        self.preprocessing = _chosen(recipe, shapes) if preprocessing is None else preprocessing
        if begins and not all(self._is_stored(part, recipe.limit) for part in self._entries):
            self._check(recipe, *_size(shapes))
        opened: dict[str, Any] = {}
        for part, entries in self._entries.items():
            opened[part], used, bad = open_part(
                *(self.layout, part, recipe.limit, entries, self.preprocessing),
                skip_bad=recipe.skip_bad,
                advice=advice,
                quiet=quiet,
            )
            self._entries[part] = used
            problems |= bad
            if part != "train":
                _report_missing(self.layout, part, used)
        _require_classes(self.layout, self._entries["train"])
        self.train, self.validation, self.test = (opened.get(part) for part in ("train", "validation", "test"))
        report_left_out(self.layout.folder, problems)

    def _is_stored(self, part: str, limit: int | None) -> bool:
        entries = self._entries[part]
        return find_stored(self.layout.folder, _selection(part, limit), entries, self.preprocessing) is not None

    def _check(self, recipe: Recipe, height: int, width: int) -> None:
        """Raises :class:`UsageError` for a recipe that these images, or the initial weights, do not fit."""
        labels = [
            [entry.label for entry in self._entries[part]] if part in self._entries else None
            for part in ("train", "validation", "test")
        ]
        with jvm.translated_errors():
            jvm.bridge().folders().check(
                recipe.to_json(), *labels, self.layout.class_names, height, width, self.preprocessing
            )

    def begin(self, recipe: Recipe, folder: str | None) -> Any:
        """Starts a run and returns Java's ``TrainingHandle``."""
        parts = (self.train, self.validation, self.test)
        return self._recorded(jvm.bridge().folders().train(recipe.to_json(), *parts, folder))

    def resume(self, source: Path, changes: str) -> Any:
        """Resumes a run on the same images and returns Java's ``TrainingHandle``."""
        run = source if source.is_dir() else source.parent
        require_same(run / _MANIFEST, self.layout.folder, self._entries)
        parts = (self.train, self.validation, self.test)
        return self._recorded(jvm.bridge().resume(str(source), changes, *parts))

    def _recorded(self, handle: Any) -> Any:
        """Writes the table of the run's images."""
        folder = Path(json.loads(str(handle.describe()))["run_dir"])
        write_manifest(folder / _MANIFEST, self._entries)
        return handle


def _missing(layout: Layout, entries: Sequence[Entry]) -> list[str]:
    """Returns the classes that have none of these images."""
    present = {entry.label for entry in entries}
    return [name for label, name in enumerate(layout.class_names) if label not in present]


def _require_classes(layout: Layout, entries: Sequence[Entry]) -> None:
    """Raises :class:`UsageError` for a class whose training images were all left out."""
    if missing := _missing(layout, entries):
        raise UsageError(
            f"None of the training images of class {missing[0]!r} of {layout.folder} can be decoded. Replace them, or "
            "remove the class."
        )


def _report_missing(layout: Layout, part: str, entries: Sequence[Entry]) -> None:
    """Warns about classes without images to evaluate."""
    if missing := _missing(layout, entries):
        more = f", nor of {len(missing) - 1} other{'s' if len(missing) > 2 else ''}" if len(missing) > 1 else ""
        warn(f"{layout.folder} has no {part} images of class {missing[0]!r}{more}.")


def _report_ignored(layout: Layout) -> None:
    """Warns about files that are not images of a known format, and what is beside the parts."""
    if layout.beside:
        warn(f"{layout.folder} has {listed(layout.beside)} beside train, which is not used.")
    suffixes = Counter(os.path.splitext(file)[1].lower() or "none" for file in layout.others)
    if suffixes:
        found = ", ".join(f"{count} {suffix}" for suffix, count in suffixes.most_common(5))
        warn(
            f"Ignored {sum(suffixes.values()):,} file{'s' if sum(suffixes.values()) > 1 else ''} of {layout.folder} "
            f"by suffix: {found}. Allowed: {', '.join(SUFFIXES)}."
        )


def _chosen(recipe: Recipe, shapes: list[Shape]) -> str:
    channels = max(shape[0] for shape in shapes)
    height, width = _size(shapes)
    with jvm.translated_errors():
        text = str(jvm.bridge().folders().preprocessing(recipe.to_json(), channels, height, width))
    if recipe.image_size is None:
        steps = json.loads(text)
        size = steps["crop"] or steps["resize"] or {}
        wanted = size.get("height", 0), size.get("width", 0)
        if wanted != (height, width):
            reason = f"the usual size of {recipe.model}" if recipe.weights is None else "as the weights require"
            warn(f"Images are resized to {wanted[0]}x{wanted[1]} pixels, {reason}. Set image_size for another size.")
    return text


def _size(shapes: list[Shape]) -> tuple[int, int]:
    """Returns the height and width of all images, or zeros if they differ in size."""
    sizes = {shape[1:] for shape in shapes}
    return sizes.pop() if len(sizes) == 1 else (0, 0)


def _selection(part: str, limit: int | None) -> str:
    return part if limit is None else f"{part} {limit}"


def open_part(
    layout: Layout,
    part: str,
    limit: int | None,
    entries: Sequence[Entry],
    preprocessing: str,
    *,
    skip_bad: bool,
    quiet: bool,
    advice: str = _LEAVE_OUT,
) -> tuple[Any, list[Entry], dict[str, str]]:
    """Decodes images and opens them in Java.

    Returns:
        Java's ``Examples``, the entries of the images in them, and an error message for each other one.
    """
    store = stored(layout.folder, _selection(part, limit), entries, preprocessing, quiet=quiet)
    require_readable(store.problems, skip_bad, advice)
    records = [record for record, entry in enumerate(entries) if entry.path not in store.problems]
    used = [entries[record] for record in records]
    _require_some(used, layout, part)
    with jvm.translated_errors():
        examples = (
            jvm.bridge()
            .folders()
            .open(
                str(store.file),
                records,
                [entry.label for entry in used],
                [printable(entry.path) for entry in used],
                layout.class_names,
                fingerprint(used, layout.class_names),
                preprocessing,
            )
        )
    return examples, used, store.problems


def _require_some(entries: Sequence[Entry], layout: Layout, part: str) -> None:
    if not entries:
        raise UsageError(f"None of the {part} images of {layout.folder} can be decoded. Replace them.")


def require_readable(problems: dict[str, str], skip_bad: bool, advice: str = _LEAVE_OUT) -> None:
    """Raises :class:`UsageError` for images that cannot be decoded, unless they may be left out."""
    if problems and not skip_bad:
        first, others = next(iter(problems.values())), len(problems) - 1
        more = f" {others} other image{'s' if others > 1 else ''} cannot be decoded either." if others else ""
        raise UsageError(f"{first}{more} {advice}")


def report_left_out(folder: Path, problems: dict[str, str]) -> None:
    """Warns about images that were left out."""
    if problems:
        count = f"{len(problems)} image{'s' if len(problems) > 1 else ''}"
        warn(f"Left out {count} of {folder} that cannot be decoded. The first: {next(iter(problems.values()))}")


def _is_of_run(layout: Layout, recipe: Recipe | None) -> bool:
    """Returns whether a run with this recipe was trained on this folder, perhaps by another path."""
    if recipe is None or not is_folder(recipe.dataset):
        return False
    with contextlib.suppress(OSError):
        return path_of(recipe.dataset).samefile(layout.folder)
    return False


def examples_to_evaluate(
    dataset: str,
    class_names: list[str] | None,
    preprocessing: str,
    recipe: Recipe | None,
    data: Mapping[str, str] | None,
    *,
    limit: int | None,
    skip_bad: bool,
    train: bool = False,
) -> tuple[Any, str]:
    """Returns Java's ``Examples`` of a folder for a network, and the part that they are.

    Test images if the folder has them, else validation images; else the images that the network's run held out, if it
    was trained on these images; else all.

    Args:
        dataset: ``folder:DIR``.
        class_names: those of the network, which the names of the folder's classes are looked up in; None for a network
            without classes.
        preprocessing: the network's preprocessing as JSON.
        recipe: that of the network's run, or None.
        data: the checksums of the run's data by part, or None.
        limit: the largest number of examples; None for all.
        skip_bad: whether to leave out images that cannot be decoded.
        train: whether to return the training images instead.

    Returns:
        The examples, and ``test``, ``validation``, ``all`` or ``train``.

    Raises:
        UsageError: the network's run was on this folder, and the images that it did not train on are gone or unknown.
    """
    layout = read_layout(path_of(dataset), class_names, evaluates=True)
    source = next((part for part in ("test", "validation") if part in layout.parts and not train), "train")
    if source not in layout.parts:
        raise UsageError(
            f"{layout.folder} has no training images. Add a folder train, or use --split test (in Python: split)."
        )

    @functools.cache
    def first(most: int | None) -> Any:
        entries, problems = scan(layout.folder, layout.parts[source][:most], quiet=False)
        require_readable(problems, skip_bad)
        _require_some(entries, layout, source)
        found, _, bad = open_part(layout, source, most, entries, preprocessing, skip_bad=skip_bad, quiet=False)
        report_left_out(layout.folder, problems | bad)
        return found

    examples, part = None, source
    if source == "train" and not train:
        part = "all"
        if recipe is not None and is_folder(recipe.dataset):
            examples = _held_out(layout, recipe, data, first)
            part = "all" if examples is None else "validation"
    if examples is None:
        examples = first(limit)
    return examples if limit is None or limit >= examples.size() else examples.limit(limit), part


def _held_out(
    layout: Layout, recipe: Recipe, data: Mapping[str, str] | None, first: Callable[[int | None], Any]
) -> Any:
    """Returns the images of a folder without test images that a run held out; None if it is not the run's folder.

    A link to the run's folder is the same folder, and so is a copy if the checksum of the run's data is known.
    """
    of_run = _is_of_run(layout, recipe)
    if recipe.validation is None:
        if of_run:
            raise UsageError(
                f"{layout.folder} no longer has the test or validation images of the run, only those it was trained "
                "on. Restore them, or evaluate another folder."
            )
        return None
    known = None if data is None else data.get("validation")
    if not of_run and known is None:
        return None
    candidates = first(recipe.limit)
    try:
        with jvm.translated_errors():
            examples = jvm.bridge().folders().heldOut(recipe.to_json(), candidates, known)
    except UsageError:
        if of_run:
            raise
        return None  # it cannot even be split as the run's folder was
    if examples is None and of_run:
        raise UsageError(
            f"The images in {layout.folder} differ from those of the run, so it is unknown which of them it held out. "
            "Restore them, or evaluate another folder."
        )
    return examples
