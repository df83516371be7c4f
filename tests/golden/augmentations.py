"""Writes small images and what augmentations of known parameters make of them, for AugmentationGoldenTest.java.

Every operation is written here from its definition, except equalizing (Pillow) and resized crops (torchvision). Where
torchvision has the same operation, the script also checks
that the two differ by at most one level, two for saturation. Run by hand, in an environment with numpy, Pillow, torch
and torchvision:

    python tests/golden/augmentations.py java/src/test/resources/golden/augmentations.json
"""

import base64
import json
import sys

import numpy as np
import PIL.ImageOps
import torch
import torchvision
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F  # noqa: N812 - the usual name
from torchvision.transforms.autoaugment import _apply_op

random = np.random.default_rng(16)


def smooth(channels, height, width):
    """A random image without hard edges, whose values do not use the whole range."""
    coarse = random.integers(20, 230, (channels, 4, 4)).astype(np.uint8)
    planes = [np.asarray(Image.fromarray(plane).resize((width, height), Image.BICUBIC)) for plane in coarse]
    noise = random.integers(-6, 7, (channels, height, width))
    return np.clip(np.stack(planes).astype(int) + noise, 0, 255).astype(np.uint8)


IMAGES = {"grey": smooth(1, 28, 28), "colour": smooth(3, 20, 17)}
BINS = (0, 7, 30)
UNSIGNED = ("IDENTITY", "POSTERIZE", "SOLARIZE", "AUTO_CONTRAST", "EQUALIZE")
#: Our operations, and torchvision's names for them.
TORCHVISION = {
    "SHEAR_X": "ShearX",
    "SHEAR_Y": "ShearY",
    "TRANSLATE_X": "TranslateX",
    "TRANSLATE_Y": "TranslateY",
    "ROTATE": "Rotate",
    "BRIGHTNESS": "Brightness",
    "SATURATION": "Color",
    "CONTRAST": "Contrast",
    "SHARPNESS": "Sharpness",
    "IDENTITY": "Identity",
    "POSTERIZE": "Posterize",
    "SOLARIZE": "Solarize",
    "AUTO_CONTRAST": "AutoContrast",
    "EQUALIZE": "Equalize",
}


def rounded(values):
    return np.floor(np.clip(values, 0, 255) + 0.5).astype(np.uint8)


def grey(image):
    """Pillow's grey, (H, W); that of an image without three channels is the image."""
    if len(image) != 3:
        return image.astype(float)
    red, green, blue = image.astype(np.int64)
    return ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16).astype(float)


def blend(image, other, factor):
    return rounded(factor * image.astype(float) + (1 - factor) * other)


def warp(image, matrix, offset):
    """Takes the pixel at p, a column (x, y) of pixel centres, from `matrix` p + `offset`, bilinearly, 0 outside."""
    _, height, width = image.shape
    y, x = np.mgrid[0:height, 0:width] + 0.5
    points = np.einsum("ij,jhw->ihw", np.asarray(matrix, float), np.stack([x, y]))
    xs, ys = points + np.asarray(offset, float)[:, None, None] - 0.5
    left, top = np.floor(xs).astype(int), np.floor(ys).astype(int)
    result = np.zeros(image.shape)
    for dy in (0, 1):
        for dx in (0, 1):
            column, row = left + dx, top + dy
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            values = image[:, row.clip(0, height - 1), column.clip(0, width - 1)] * inside
            result += values * (1 - abs(xs - column)) * (1 - abs(ys - row))
    return rounded(result)


def rotate(image, degrees):
    """Rotates around the centre, counterclockwise as the image is seen."""
    _, height, width = image.shape
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix, centre = np.array([[cos, -sin], [sin, cos]]), np.array([width / 2, height / 2])
    return warp(image, matrix, centre - matrix @ centre)


def shift(image, down, right):
    height, width = image.shape[1:]
    most = 40
    padded = np.pad(image, ((0, 0), (most, most), (most, most)))
    return padded[:, most - down : most - down + height, most - right : most - right + width]


def sharpness(image, factor):
    """The blurred image has a kernel of ones with 5 in the middle, over 13; the border stays."""
    values, blurred = image.astype(int), image.astype(int)
    height, width = image.shape[1:]
    total = 4 * values[:, 1:-1, 1:-1]
    for dy in range(3):
        for dx in range(3):
            total = total + values[:, dy : dy + height - 2, dx : dx + width - 2]
    blurred[:, 1:-1, 1:-1] = np.floor(total / 13 + 0.5)
    return blend(image, blurred, factor)


def auto_contrast(channel):
    least, most = int(channel.min()), int(channel.max())
    return channel if least == most else rounded((channel.astype(float) - least) * 255 / (most - least))


def equalize(channel):
    """Pillow's: ImageOps.equalize."""
    return np.asarray(PIL.ImageOps.equalize(Image.fromarray(channel)))


def trivial(image, kind, index, sign):
    """An operation of TrivialAugmentWide with the strength `index` of 31."""
    part = sign * index / 30
    factor = 0.99 * part
    return {
        "IDENTITY": lambda: image,
        "SHEAR_X": lambda: warp(image, [[1, factor], [0, 1]], [0, 0]),
        "SHEAR_Y": lambda: warp(image, [[1, 0], [factor, 1]], [0, 0]),
        "TRANSLATE_X": lambda: shift(image, 0, int(32 * part)),
        "TRANSLATE_Y": lambda: shift(image, int(32 * part), 0),
        "ROTATE": lambda: rotate(image, 135 * part),
        "BRIGHTNESS": lambda: blend(image, 0, 1 + factor),
        "SATURATION": lambda: blend(image, grey(image), 1 + factor),
        "CONTRAST": lambda: blend(image, grey(image).mean(), 1 + factor),
        "SHARPNESS": lambda: sharpness(image, 1 + factor),
        "POSTERIZE": lambda: image & np.uint8(256 - 2 ** round(index / 5)),
        "SOLARIZE": lambda: np.where(image >= 255 - 255 * index / 30, 255 - image, image),
        "AUTO_CONTRAST": lambda: np.stack([auto_contrast(channel) for channel in image]),
        "EQUALIZE": lambda: np.stack([equalize(channel) for channel in image]),
    }[kind]()


def magnitude(kind, index, sign):
    """The strength as torchvision's operation takes it."""
    part = sign * index / 30
    ranges = {"TRANSLATE_X": 32, "TRANSLATE_Y": 32, "ROTATE": 135}
    if kind == "POSTERIZE":
        return 8 - round(index / 5)
    if kind == "SOLARIZE":
        return 255 - 255 * index / 30
    return part * ranges.get(kind, 0.99)


def difference_from_torchvision(image, kind, index, sign, ours):
    theirs = _apply_op(
        torch.from_numpy(image.copy()),
        TORCHVISION[kind],
        float(magnitude(kind, index, sign)),
        InterpolationMode.BILINEAR,
        None,
    ).numpy()
    return int(np.abs(theirs.astype(int) - ours.astype(int)).max())


def crops(image):
    """Rectangles of the image, resized to its own size as torchvision's RandomResizedCrop resizes a PIL image."""
    _, height, width = image.shape
    pixels = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
    for top, left, rows, columns in ((2, 3, 9, 11), (0, 0, height, width), (5, 1, 3, 4), (1, 0, height - 1, width - 4)):
        resized = F.resized_crop(pixels, top, left, rows, columns, [height, width], InterpolationMode.BILINEAR)
        array = np.asarray(resized)
        yield [top, left, rows, columns], array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def text(image):
    return base64.b64encode(np.ascontiguousarray(image)).decode()


def main(path):
    operations, resized, worst = [], [], {}
    for name, image in IMAGES.items():
        for kind in TORCHVISION:
            for index in BINS:
                for sign in (1, -1) if kind not in UNSIGNED and index else (1,):
                    result = trivial(image, kind, index, sign)
                    difference = difference_from_torchvision(image, kind, index, sign, result)
                    worst[kind] = max(worst.get(kind, 0), difference)
                    operations.append(
                        {"image": name, "kind": kind, "bin": index, "negative": sign < 0, "pixels": text(result)}
                    )
        resized += [{"image": name, "box": box, "pixels": text(result)} for box, result in crops(image)]
    # torchvision truncates where this rounds, and the grey of its tensors is not Pillow's
    wrong = {kind: difference for kind, difference in worst.items() if difference > 1 + (kind == "SATURATION")}
    assert not wrong, f"differs from torchvision: {wrong}"
    images = {name: {"shape": list(image.shape), "pixels": text(image)} for name, image in IMAGES.items()}
    versions = {"numpy": np.__version__, "pillow": PIL.__version__, "torchvision": torchvision.__version__}
    with open(path, "w") as file:
        json.dump({"versions": versions, "images": images, "operations": operations, "crops": resized}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
