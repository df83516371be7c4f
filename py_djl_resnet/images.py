"""Pictures from files: read, brought to a network's channels, size and range."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from collections.abc import Sequence
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
        UsageError: no picture, a damaged one, one of more than 64 megapixels; names the file.
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


def _decoded(picture: Image.Image, channels: int, height: int, width: int, invert: bool) -> npt.NDArray[np.float32]:
    image = ImageOps.exif_transpose(picture)
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits a pixel, or more
        deep = np.asarray(image, dtype=np.float32)
        scale = 65535.0 if image.mode != "F" else max(1.0, float(deep.max(initial=0)))
        image = Image.fromarray(np.clip(deep / scale * 255, 0, 255).round().astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        # Inverted afterwards, so that the background is black in the end.
        background = Image.new("RGBA", image.size, "white" if invert else "black")
        image = Image.alpha_composite(background, image)
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.float32) / np.float32(255)
    if invert:
        pixels = 1 - pixels
    return pixels[np.newaxis] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _too_large(path: str | os.PathLike[str], received: str) -> str:
    return (
        f"picture {os.fspath(path)} is too large: {MAX_PIXELS // 1_000_000} megapixels are "
        f"allowed, received {received}; make it smaller first"
    )
