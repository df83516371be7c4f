"""Writes what Pillow and torchvision's transforms make of images, for PreprocessorTest.java to compare with.

Images come from a formula that the test computes again. Of results the file has a CRC-32 of their float32 values,
which must be equal to the last bit; of images resized in float, which are compared to a tolerance, the values. Pillow
must be 13 or later, which resizes some images vertically first. Run by hand, in an environment with torch and
torchvision:

    python tests/golden/torchvision_preprocessing.py java/src/test/resources/golden/preprocessing.json
"""

import itertools
import json
import sys
import zlib

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
FILTERS = {"bilinear": transforms.InterpolationMode.BILINEAR, "bicubic": transforms.InterpolationMode.BICUBIC}


def image(channels, height, width):
    """An image of gradients, waves and a fine chessboard, uint8 (height, width, channels)."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    board = ((x // 3 ^ y // 5) & 1) * 128
    return ((3 * x * x + 7 * y * y + 5 * x * y + 91 * c + board) % 256).astype(np.uint8)


def preprocessing(channels, resize=None, crop=None, normalized=False):
    return {
        "channels": channels,
        "resize": resize,
        "crop": None if crop is None else {"height": crop[0], "width": crop[1]},
        "mean": MEAN[:channels] if normalized else None,
        "deviation": DEVIATION[:channels] if normalized else None,
    }


def exact(height, width, interpolation, rounded=True):
    return {"to": "exact", "height": height, "width": width, "interpolation": interpolation, "rounded": rounded}


def short_side(size, interpolation):
    return {"to": "short-side", "size": size, "interpolation": interpolation, "rounded": True}


def torchvisions(spec):
    """The transforms of a specification, of a PIL image of its channels."""
    steps = []
    if spec["resize"] is not None:
        resize = spec["resize"]
        size = resize["size"] if resize["to"] == "short-side" else (resize["height"], resize["width"])
        steps.append(transforms.Resize(size, FILTERS[resize["interpolation"]], antialias=True))
    if spec["crop"] is not None:
        steps.append(transforms.CenterCrop((spec["crop"]["height"], spec["crop"]["width"])))
    steps.append(transforms.ToTensor())
    if spec["mean"] is not None:
        steps.append(transforms.Normalize(spec["mean"], spec["deviation"]))
    return transforms.Compose(steps)


def on_bytes(spec, channels, height, width):
    """A case whose result is equal to the last bit."""
    pixels = image(channels, height, width)
    picture = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    values = torchvisions(spec)(picture.convert("L" if spec["channels"] == 1 else "RGB")).numpy()
    case = {"preprocessing": spec, "image": [channels, height, width], "shape": list(values.shape)}
    return {**case, "crc32": zlib.crc32(np.ascontiguousarray(values, dtype="<f4").tobytes())}


def on_floats(spec, height, width):
    """A case that is resized in float, by Pillow in its mode F."""
    pixels = image(1, height, width)[:, :, 0].astype(np.float32) / np.float32(255)
    resize = spec["resize"]
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    resized = Image.fromarray(pixels).resize((resize["width"], resize["height"]), filters[resize["interpolation"]])
    values = np.asarray(resized)
    case = {"preprocessing": spec, "image": [1, height, width], "shape": [1, *values.shape]}
    return {**case, "values": [round(float(v), 7) for v in values.ravel()]}


def cases():
    usual = preprocessing(3, short_side(256, "bilinear"), (224, 224), True)
    sizes = [(1, 1), (1, 7), (224, 224), (256, 256), (255, 257), (333, 500), (500, 333), (61, 900), (640, 9)]
    for (height, width), channels in itertools.product(sizes, (1, 3)):
        yield on_bytes(usual, channels, height, width)
    for interpolation, size, crop in [("bicubic", 40, 35), ("bilinear", 33, 32), ("bicubic", 235, 224)]:
        for channels, (height, width) in itertools.product((1, 3), [(20, 31), (97, 45), (240, 236)]):
            spec = preprocessing(channels, short_side(size, interpolation), (crop, crop), channels == 3)
            yield on_bytes(spec, 4 - channels, height, width)
    for interpolation in FILTERS:
        for (height, width), (to_height, to_width) in itertools.product(
            [(5, 4), (28, 28), (64, 37), (199, 7)], [(1, 1), (3, 2), (28, 28), (32, 32), (37, 64), (111, 9)]
        ):
            yield on_bytes(preprocessing(3, exact(to_height, to_width, interpolation)), 3, height, width)
    # halves are rounded to the even pixel, and small images padded, on either axis alone too
    for height, width in [(10, 10), (11, 13), (12, 15), (13, 17), (3, 4), (4, 3), (2, 20), (21, 2), (7, 9)]:
        yield on_bytes(preprocessing(3, None, (8, 8), True), 3, height, width)
        yield on_bytes(preprocessing(1, None, (7, 9)), 3, height, width)
    yield on_bytes(preprocessing(1), 3, 256, 256)
    yield on_bytes(preprocessing(3, None, None, True), 1, 16, 16)
    for interpolation in FILTERS:
        for size in [(5, 4), (9, 11), (3, 17)]:
            for to_height, to_width in [(2, 3), (7, 4), (12, 5)]:
                yield on_floats(preprocessing(1, exact(to_height, to_width, interpolation, rounded=False)), *size)


def main():
    """Writes the file."""
    torch.set_num_threads(1)
    versions = {"pillow": PIL.__version__, "torch": torch.__version__, "torchvision": torchvision.__version__}
    lines = ",\n".join(json.dumps(case) for case in cases())
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(f'{{"versions": {json.dumps(versions)}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
