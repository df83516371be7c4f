"""Makes folders of small images."""

import numpy as np
from PIL import Image

#: Sizes, formats and modes of the images that are repeated.
KINDS = (("png", "RGB", (20, 14)), ("jpg", "L", (31, 40)), ("gif", "P", (16, 16)), ("webp", "RGBA", (25, 17)))


def image(number, mode="RGB", size=(16, 16), hue=0):
    """A noisy image whose brightness in one channel shows its class."""
    noise = np.random.default_rng(number).integers(0, 90, (size[1], size[0], 3), np.uint8)
    noise[..., hue % 3] += 150
    return Image.fromarray(noise).convert(mode)


def fill(folder, count, *, hue=0, kinds=KINDS[:1]):
    """Writes images of one class."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        suffix, mode, size = kinds[number % len(kinds)]
        image(number + 1000 * hue, mode, size, hue).save(folder / f"{number:03}.{suffix}")


def make(folder, parts=("train", "test"), classes=("cat", "dog"), count=8, kinds=KINDS[:1]):
    """Writes a folder of images; parts "" for classes directly in it."""
    for part in parts:
        for hue, name in enumerate(classes):
            fill(folder / part / name, count, hue=hue, kinds=kinds)
    return folder
