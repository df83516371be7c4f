"""Writes 20 images of many sizes and modes, and what torchvision's transforms and ResNet-18 make of them.

The tests of preprocessing in Python and Java compare with it. The images come from formulas; all but the JPEG are
lossless, so that any decoder reads the same pixels. The weights come from a formula that the tests compute again; its
small biases make the logits depend on the image. Run by hand, in an environment with torch, torchvision, safetensors:

    python tests/golden/imported_network.py java/src/test/resources/golden
"""

import sys
from pathlib import Path

import numpy as np
import PIL
import torch
import torchvision
from formula import weights
from PIL import Image, ImageOps
from safetensors.numpy import save_file
from torchvision import transforms

CLASSES = 10
MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
BILINEAR, BICUBIC = transforms.InterpolationMode.BILINEAR, transforms.InterpolationMode.BICUBIC
#: The second pads images, for its crop is larger than the short side.
PIPELINES = {
    "torchvision": [
        transforms.Resize(256, BILINEAR),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize(MEAN, DEVIATION),
    ],
    "bicubic": [
        transforms.Resize(57, BICUBIC),
        transforms.CenterCrop((64, 60)),
        transforms.ToTensor(),
        transforms.Normalize([0.5, 0.5, 0.5], [0.25, 0.5, 0.5]),
    ],
    "stretched": [transforms.Resize((48, 80), BILINEAR), transforms.ToTensor()],
}


def formula(width, height, channels):
    """Gradients, a disc and stripes, uint8 (height, width, channels)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    disc = np.hypot(x - 0.4 * width, y - 0.55 * height) < 0.3 * min(width, height)
    planes = []
    for c in range(channels):
        gradient = 160 * (x / width if c % 2 else y / height)
        stripes = 60 * (((x * (c + 1) + y * 2) // 11) % 2)
        planes.append(gradient + np.where(disc, 90 - 30 * c, stripes))
    return (np.dstack(planes) // 4 * 4).clip(0, 255).astype(np.uint8)


def picture(mode, width, height):
    """An image of a mode."""
    channels = {"L": 1, "1": 1, "I;16": 1, "LA": 2, "RGBA": 4, "CMYK": 4}.get(mode, 3)
    pixels = formula(width, height, channels)
    if mode == "I;16":
        return Image.fromarray(pixels[..., 0].astype(np.uint16) * 257 + 100)
    if mode == "1":
        return Image.fromarray(pixels[..., 0] > 100)
    if mode.startswith("P"):
        return Image.fromarray(pixels).quantize(60, dither=Image.Dither.NONE)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode)


def write_images(folder):
    """Writes the files; their names say their modes and sizes."""
    kinds = [
        *(("RGB", *size) for size in [(320, 240), (213, 340), (256, 256), (60, 47), (9, 5), (301, 227), (600, 90)]),
        *[("RGB", 90, 480), ("L", 280, 199), ("L", 97, 160), ("1", 130, 190), ("LA", 150, 120), ("P", 200, 150)],
        *[("P with transparency", 140, 210), ("RGBA", 233, 175), ("CMYK", 160, 120), ("I;16", 180, 181)],
    ]
    for number, (mode, width, height) in enumerate(kinds, 1):
        image = picture(mode, width, height)
        more = {"transparency": bytes(range(0, 240, 4))} if mode == "P with transparency" else {}
        kind = mode.lower().replace(";", "").replace(" ", "-")
        name = f"{number:02}-{kind}-{width}x{height}"
        if mode == "CMYK":
            image.save(folder / f"{name}.tif", compression="tiff_deflate")
        else:
            image.save(folder / f"{name}.png", optimize=True, **more)
    turned = {6: ("18-turned-240x160.jpg", {"quality": 90}), 3: ("19-turned-151x200.png", {"optimize": True})}
    for orientation, (name, more) in turned.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        width, height = name.split(".")[0].split("-")[-1].split("x")
        picture("RGB", int(width), int(height)).save(folder / name, exif=exif, **more)
    picture("RGB", 222, 333).save(folder / "20-rgb-222x333.tif", compression="tiff_deflate")


def decoded(file):
    """A file in red, green and blue: turned as the camera was held, on black, 16 bits rounded to 8."""
    image = ImageOps.exif_transpose(Image.open(file))
    if image.mode.startswith("I"):
        return Image.fromarray(np.rint(np.asarray(image, np.float64) / 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def tensor(name, shape):
    """A tensor of the network by its name."""
    return torch.from_numpy(weights(name, shape))


def main():
    """Writes the files."""
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    images = folder / "photographs"
    images.mkdir(exist_ok=True)
    write_images(images)
    network = torchvision.models.resnet18(num_classes=CLASSES).eval()
    state = network.state_dict()
    network.load_state_dict({k: tensor(k, v.shape) if v.dtype == torch.float32 else v for k, v in state.items()})
    tensors = {}
    for name, steps in PIPELINES.items():
        prepare = transforms.Compose(steps)
        with torch.no_grad():
            found = [network(prepare(decoded(file))[None])[0].numpy() for file in sorted(images.iterdir())]
        tensors[name] = np.stack(found)
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "pillow": PIL.__version__}
    save_file(tensors, folder / "photographs.safetensors", versions)


if __name__ == "__main__":
    main()
