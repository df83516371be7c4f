"""Decodes image files and Pillow images to uint8, grey or RGB, at full size; Java resizes them."""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from .checks import require_no_pipe
from .errors import UsageError

#: The suffixes of images in a folder; files given by name may have others.
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

#: The formats that Pillow may use; some of the others start programs, or are hardly tested.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")

#: Larger images are rejected before decoding.
MAX_PIXELS = 64_000_000

#: A progressive JPEG has about ten scans; each takes time, however few bytes it has.
MAX_SCANS = 100
_SCAN = b"\xff\xda"

_DAMAGED = (OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, struct.error, zlib.error)

#: Pillow's modes of 8 bits that become grey, and RGB.
_GREY = ("1", "L", "LA")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV")
_DEEP = ("I;16", "I;16L", "I;16B", "F")

#: Channels, height and width of an image.
Shape = tuple[int, int, int]

#: The EXIF tag of the orientation, and its values that swap height and width.
_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)

#: Warning filters are global to the process, and several threads may open images.
_opening = threading.Lock()

#: TIFF's BitsPerSample and PhotometricInterpretation, with the values that Pillow decodes correctly in a deep mode.
_TIFF_TAGS = {258: ((16,), (32,)), 262: (1,)}


def find_images(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Lists image files; a folder means the images in it, sorted, without hidden files.

    Raises:
        UsageError: a folder that cannot be read, or contains no images.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            try:
                inside = sorted(
                    f for f in path.iterdir() if f.suffix.lower() in SUFFIXES and f.name[0] != "." and f.is_file()
                )
            except OSError as error:
                raise UsageError(f"Folder {printable(path)} cannot be read: {error.strerror or error}.") from error
            if not inside:
                raise UsageError(f"Folder {path} contains no images. Allowed: {', '.join(SUFFIXES)}.")
            found += inside
        else:
            found.append(path)
    return found


def decode(
    image: str | os.PathLike[str] | Image.Image, *, invert: bool = False, name: str = "The image"
) -> npt.NDArray[np.uint8]:
    """Decodes an image at full size.

    The EXIF orientation is applied. Transparent pixels become black. Greys of 16 bits, and floats from 0 to 1, are
    rounded to 8 bits.

    Args:
        image: a BMP, GIF, JPEG, PNG, TIFF or WebP file (its first frame), or a Pillow image.
        invert: whether to swap light and dark; transparent pixels become black nevertheless.
        name: of a Pillow image, for an error.

    Returns:
        uint8 (1, H, W) for grey images, else (3, H, W).

    Raises:
        UsageError: a file that is not an image, is damaged, has a mode whose range is unknown, or more than 64
            megapixels or 100 JPEG scans.
    """
    if isinstance(image, Image.Image):
        with _named(name):
            _require_mode(image, name)
            return _pixels(ImageOps.exif_transpose(image), name, invert)
    path = os.fspath(image)
    name = f"Image {printable(path)}"
    if not os.path.exists(path):
        raise UsageError(f"{name} does not exist. Give an image file or a folder.")
    require_no_pipe(Path(path))
    # opened by its path, Pillow maps plain TIFFs into memory and misreads rotated ones
    with _named(name), open(path, "rb") as file, _opened(file, name) as opened:
        # a JPEG with an MPF segment is an MPO to Pillow
        if opened.format in ("JPEG", "MPO") and _has_more_scans(path):
            raise UsageError(
                f"{name} has more than {MAX_SCANS} scans, which are slow to decode. Save it as a baseline JPEG."
            )
        ImageOps.exif_transpose(opened, in_place=True)
        return _pixels(opened, name, invert)


def probe(file: BinaryIO, name: str) -> Shape:
    """Returns the shape (C, H, W) that an image has when decoded, according to its header.

    Args:
        file: the open file.
        name: of the image, for an error.

    Raises:
        UsageError: as :func:`decode`, if the header shows it.
    """
    with _named(name), _opened(file, name) as opened:
        # a PNG's own method would decode it
        turned = Image.Image.getexif(opened).get(_ORIENTATION) in _TURNED
        height, width = (opened.width, opened.height) if turned else (opened.height, opened.width)
        return 3 if opened.mode in _COLOUR else 1, height, width


@contextlib.contextmanager
def _opened(file: BinaryIO, name: str) -> Iterator[Image.Image]:
    """Opens an image without decoding it, and rejects a size or mode that is not allowed."""
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = Image.open(file, formats=_FORMATS)
    with image as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise UsageError(_too_large(name, f"{opened.width}x{opened.height} pixels"))
        _require_mode(opened, name)
        yield opened


def printable(path: str | os.PathLike[str]) -> str:
    """Returns a path as text that can be printed, with escapes for bytes that are not UTF-8."""
    return os.fsencode(path).decode(errors="backslashreplace")


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Turns Pillow's errors into a :class:`UsageError` that names the image."""
    try:
        yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UsageError(_too_large(name, "more than Pillow's limit")) from error
    except UnidentifiedImageError as error:
        raise UsageError(
            f"{name} is damaged or has an unsupported format. Allowed: PNG, JPEG, GIF, BMP, TIFF and WebP of 8 bits."
        ) from error
    except UsageError:
        raise
    except _DAMAGED as error:
        reason = "" if isinstance(error, TypeError) else f": {error}"  # a decoder's TypeError describes its own code
        raise UsageError(f"{name} cannot be read{reason}. It may be damaged or truncated.") from error


def _has_more_scans(path: str) -> bool:
    """Returns whether a JPEG has more than `MAX_SCANS`; compressed data never contain the marker of a scan."""
    found, end = 0, b""
    with open(path, "rb") as file:
        while found <= MAX_SCANS and (part := file.read(1 << 20)):
            found += (end + part).count(_SCAN)
            end = part[-1:]
    return found > MAX_SCANS


def _require_mode(image: Image.Image, name: str) -> None:
    """Rejects modes whose range of values is unknown, or that Pillow converts wrongly."""
    tags = getattr(image, "tag_v2", {}) if image.mode in _DEEP else {}
    unusual = any(tags.get(tag, allowed[0]) not in allowed for tag, allowed in _TIFF_TAGS.items())
    # older versions of Pillow use the mode I for PNGs of 16 bits
    deep_png = image.mode == "I" and image.format == "PNG"
    if unusual or not (deep_png or image.mode in (*_GREY, *_COLOUR, *_DEEP)):
        bits = f", with {tags[258][0]} bits and photometric interpretation {tags.get(262)}" if unusual else ""
        raise UsageError(
            f"{name} has an unsupported mode. Received: {image.mode}{bits}. Allowed: "
            f"{', '.join((*_GREY, *_COLOUR, *_DEEP))}. Convert it to 8 bits, or pass an array of floats from 0 to 1."
        )


def _pixels(image: Image.Image, name: str, invert: bool) -> npt.NDArray[np.uint8]:
    # white turns black when it is inverted
    pixels = _shallow(image, name)[np.newaxis] if image.mode in (*_DEEP, "I") else _planes(image, 255 if invert else 0)
    return np.subtract(255, pixels, out=pixels) if invert else pixels


def _shallow(image: Image.Image, name: str) -> npt.NDArray[np.uint8]:
    """Rounds deep greys to 8 bits; in place, because there may be 64 megapixels."""
    deep = np.array(image, dtype=np.float32)
    if image.mode == "F":
        least, most = float(deep.min(initial=0)), float(deep.max(initial=0))
        if not (least >= 0 and most <= 1):  # or NaN
            raise UsageError(
                f"{name} has floats outside 0 to 1. Received: {least:g} to {most:g}. Scale them to 0 to 1 first."
            )
    else:
        deep /= 65535
    deep *= 255
    return np.rint(deep, out=deep).astype(np.uint8)


def _planes(image: Image.Image, background: int) -> npt.NDArray[np.uint8]:
    """Converts one channel after the other, to save memory; transparent pixels show the background."""
    grey = image.mode in _GREY
    mode = "RGBA" if image.has_transparency_data else "L" if grey else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    alpha = image.getchannel("A") if mode == "RGBA" else None
    pixels = np.empty((1 if grey else 3, image.height, image.width), np.uint8)
    for channel, out in enumerate(pixels):
        plane = image.getchannel(channel)
        if alpha is not None:
            on = Image.new("L", image.size, background)
            on.paste(plane, mask=alpha)
            plane = on
        out[:] = np.asarray(plane)
    return pixels


def _too_large(name: str, received: str) -> str:
    return (
        f"{name} is too large. Received: {received}. Allowed: {MAX_PIXELS // 1_000_000} megapixels. Make it smaller "
        "first."
    )
