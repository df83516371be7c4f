"""Pictures from files: read, brought to a network's channels, size and range."""

from __future__ import annotations

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

#: What counts as a picture in a folder; files given by name may end otherwise.
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

#: What Pillow may take a file for; some of the others start programs, or are hardly tested.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")

#: Larger pictures are refused before they are decoded.
MAX_PIXELS = 64_000_000

#: A progressive JPEG has about ten passes over its pixels; each takes its time, however few bytes it has.
MAX_SCANS = 100
_SCAN = b"\xff\xda"

_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


def find_images(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """The picture files that `paths` name; a folder stands for the pictures in it, sorted.

    Raises:
        UsageError: a path that does not exist, or a folder without pictures.
    """
    found: list[Path] = []
    for given in paths:
        if not isinstance(given, (str, os.PathLike)):
            raise UsageError(
                f"a picture must be a file or a folder; received a {type(given).__name__}. Call the network itself on "
                "arrays, model(x), and save a picture that is in memory"
            )
        path = Path(given)
        if path.is_dir():
            inside = sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES and f.is_file())
            if not inside:
                raise UsageError(f"folder {path} holds no pictures; they must end in {', '.join(SUFFIXES)}")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise UsageError(f"picture {path} does not exist; give a picture file or a folder")
    return found


def read_image(
    path: str | os.PathLike[str],
    channels: int,
    height: int,
    width: int,
    invert: bool = False,
) -> npt.NDArray[np.float32]:
    """One picture as a network takes it.

    The camera's orientation is applied, transparent parts become the background, height and width
    are scaled (bilinear, antialiased) without keeping their ratio.

    Args:
        path: a BMP, GIF, JPEG, PNG, TIFF or WebP file of any depth; of several frames the first counts.
        channels: 1 for grey, 3 for red, green, blue.
        height: pixels of the result.
        width: pixels of the result.
        invert: for dark things on a light background, when the network knows light on dark.

    Returns:
        float32 (channels, height, width) in [0, 1].

    Raises:
        UsageError: no picture, a damaged one, one of more than 64 megapixels or 100 JPEG scans; names the file.
    """
    if channels not in (1, 3):
        raise UsageError(
            f"pictures have 1 or 3 channels, the network takes {channels}; call the model on arrays instead"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise UsageError(_too_large(path, f"{picture.width}x{picture.height} pixels"))
                if picture.format == "JPEG" and _has_more_scans(path):
                    raise UsageError(
                        f"picture {os.fspath(path)} has more than {MAX_SCANS} scans, which would take long; save it "
                        "again without them"
                    )
                pixels = _decoded(picture, channels, height, width, invert)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UsageError(_too_large(path, "more")) from error
    except UnidentifiedImageError as error:
        size = Path(path).stat().st_size
        raise UsageError(
            f"{os.fspath(path)} is not a picture that can be read "
            f"({'an empty file' if size == 0 else f'{size} bytes of an unknown kind'}); "
            "give a PNG, JPEG, GIF, BMP, TIFF or WebP file"
        ) from error
    except UsageError:
        raise
    except _DAMAGED as error:
        raise UsageError(
            f"picture {os.fspath(path)} cannot be read: {error}; it may be damaged or truncated"
        ) from error
    return pixels


def _has_more_scans(path: str | os.PathLike[str]) -> bool:
    """Whether a JPEG has more than `MAX_SCANS`; the marker of one stands nowhere in what is coded."""
    found, end = 0, b""
    with open(path, "rb") as file:
        while found <= MAX_SCANS and (part := file.read(1 << 20)):
            found += (end + part).count(_SCAN)
            end = part[-1:]
    return found > MAX_SCANS


def _decoded(picture: Image.Image, channels: int, height: int, width: int, invert: bool) -> npt.NDArray[np.float32]:
    ImageOps.exif_transpose(picture, in_place=True)
    image = _shallow(picture) if picture.mode.startswith("I") or picture.mode == "F" else picture
    if image.has_transparency_data:
        # Inverted afterwards, so that the background is black in the end.
        planes = _on_background(image, channels, 255 if invert else 0)
    else:
        mode = "L" if channels == 1 else "RGB"
        planes = iter([image if image.mode == mode else image.convert(mode)])
    sized = [np.asarray(plane.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32) for plane in planes]
    pixels = np.dstack(sized) / np.float32(255)
    if invert:
        pixels = 1 - pixels
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _shallow(image: Image.Image) -> Image.Image:
    """A picture of deep greys with 8 bits a pixel; in place, for there may be 64 megapixels."""
    deep = np.array(image, dtype=np.float32)
    deep /= 65535.0 if image.mode != "F" else max(1.0, float(deep.max(initial=0)))
    deep *= 255
    np.clip(deep, 0, 255, out=deep)
    return Image.fromarray(np.rint(deep, out=deep).astype(np.uint8))


def _on_background(image: Image.Image, channels: int, background: int) -> Iterator[Image.Image]:
    """A transparent picture's planes, grey or red, green and blue, one after the other to have one in memory."""
    if image.mode != "RGBA":
        image = image.convert("RGBA")
    alpha = image.getchannel("A")
    for channel in range(channels):
        plane = Image.new("L", image.size, background)
        plane.paste(image.convert("L") if channels == 1 else image.getchannel(channel), mask=alpha)
        yield plane


def _too_large(path: str | os.PathLike[str], received: str) -> str:
    return (
        f"picture {os.fspath(path)} is too large: {MAX_PIXELS // 1_000_000} megapixels are "
        f"allowed, received {received}; make it smaller first"
    )
