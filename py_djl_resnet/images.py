"""Image files and Pillow's images, decoded to bytes of grey or of red, green and blue at their full size.

What happens to the pixels afterwards, such as resizing, is Java's.
"""

from __future__ import annotations

import contextlib
import os
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import UsageError

#: What counts as an image in a folder; files given by name may end otherwise.
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

#: What Pillow may take a file for; some of the others start programs, or are hardly tested.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")

#: Larger images are rejected before they are decoded.
MAX_PIXELS = 64_000_000

#: A progressive JPEG has about ten passes over its pixels; each takes its time, however few bytes it has.
MAX_SCANS = 100
_SCAN = b"\xff\xda"

_DAMAGED = (OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, struct.error, zlib.error)

#: Pillow's modes of one channel, apart from transparency.
_GREY = ("1", "L", "LA", "La")


def find_images(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Lists image files; a folder stands for the images in it, sorted, without files that begin with a dot.

    Raises:
        UsageError: a path that does not exist, or a folder without images.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(
                f for f in path.iterdir() if f.suffix.lower() in SUFFIXES and f.name[0] != "." and f.is_file()
            )
            if not inside:
                raise UsageError(f"folder {path} holds no images; they must end in {', '.join(SUFFIXES)}")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise UsageError(f"image {path} does not exist; give an image file or a folder")
    return found


def decode(image: str | os.PathLike[str] | Image.Image, *, invert: bool = False) -> npt.NDArray[np.uint8]:
    """Decodes an image at its full size.

    The camera's orientation is applied. Transparent parts become black. Greys of more than 8 bits are rounded to 8.

    Args:
        image: a BMP, GIF, JPEG, PNG, TIFF or WebP file, of several frames the first; or an image of Pillow's.
        invert: whether light and dark change places; transparent parts become black nevertheless.

    Returns:
        uint8 (1, H, W) for grey images, else (3, H, W).

    Raises:
        UsageError: a file that is no image, is damaged, or has more than 64 megapixels or 100 JPEG scans; names it.
    """
    if isinstance(image, Image.Image):
        with _named("the image"):
            return _pixels(ImageOps.exif_transpose(image), invert)
    path = os.fspath(image)
    with _named(f"image {path}"), warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        # not by its path, or Pillow maps plain TIFFs into memory and misreads those of a camera held upright
        with open(path, "rb") as file, Image.open(file, formats=_FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise UsageError(_too_large(f"image {path}", f"{opened.width}x{opened.height} pixels"))
            # with a segment for several images Pillow calls a JPEG an MPO
            if opened.format in ("JPEG", "MPO") and _has_more_scans(path):
                raise UsageError(
                    f"image {path} has more than {MAX_SCANS} scans, which would take long; save it again without them"
                )
            ImageOps.exif_transpose(opened, in_place=True)
            return _pixels(opened, invert)


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Turns what Pillow raises for a bad image into a :class:`UsageError` that names it."""
    try:
        yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UsageError(_too_large(name, "more")) from error
    except UnidentifiedImageError as error:
        raise UsageError(f"{name} is in no known format; give a PNG, JPEG, GIF, BMP, TIFF or WebP file") from error
    except UsageError:
        raise
    except _DAMAGED as error:
        raise UsageError(f"{name} cannot be read: {error}; it may be damaged or truncated") from error


def _has_more_scans(path: str) -> bool:
    """Whether a JPEG has more than `MAX_SCANS`; the marker of one stands nowhere in what is coded."""
    found, end = 0, b""
    with open(path, "rb") as file:
        while found <= MAX_SCANS and (part := file.read(1 << 20)):
            found += (end + part).count(_SCAN)
            end = part[-1:]
    return found > MAX_SCANS


def _pixels(image: Image.Image, invert: bool) -> npt.NDArray[np.uint8]:
    if image.mode.startswith("I") or image.mode == "F":
        pixels = _shallow(image)[np.newaxis]
    else:
        # white turns black when it is inverted
        pixels = _planes(image, 255 if invert else 0)
    return np.subtract(255, pixels, out=pixels) if invert else pixels


def _shallow(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Deep greys with 8 bits a pixel; in place, for there may be 64 megapixels."""
    deep = np.array(image, dtype=np.float32)
    deep /= 65535.0 if image.mode != "F" else max(1.0, float(deep.max(initial=0)))
    deep *= 255
    np.clip(deep, 0, 255, out=deep)
    return np.rint(deep, out=deep).astype(np.uint8)


def _planes(image: Image.Image, background: int) -> npt.NDArray[np.uint8]:
    """An image's planes, one after the other to have few in memory; transparent parts show the background."""
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
        f"{name} is too large: {MAX_PIXELS // 1_000_000} megapixels are allowed, received {received}; "
        "make it smaller first"
    )
