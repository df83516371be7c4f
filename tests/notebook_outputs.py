"""Reads the outputs of notebooks."""

import base64
import io
import json
import re

import numpy as np

#: Matplotlib's first colours.
BLUE, ORANGE, GREEN = (31, 119, 180), (255, 127, 14), (44, 160, 44)
EPOCH = r"epoch (\d+)/(\d+): train loss (\S+), train acc (\S+), test loss (\S+), test acc (\S+)"


class Notebook:
    """The outputs of a notebook, found by a part of their cell's code."""

    def __init__(self, path):
        self.content = json.loads(path.read_text("utf-8"))
        self.cells = [cell for cell in self.content["cells"] if cell["cell_type"] == "code"]

    def outputs(self, part):
        (cell,) = (c for c in self.cells if part in "".join(c["source"]))
        return cell["outputs"]

    def text(self, part):
        """Returns what a cell printed, then its value."""
        printed = "".join("".join(o.get("text", "")) for o in self.outputs(part))
        values = ["".join(o.get("data", {}).get("text/plain", "")) for o in self.outputs(part)]
        return "\n".join(text for text in [printed, *values] if text)

    def data(self, part, kind):
        (found,) = (o["data"][kind] for o in self.outputs(part) if kind in o.get("data", {}))
        return "".join(found)

    def error(self, part):
        (output,) = self.outputs(part)
        return "\n".join(output["traceback"])

    def image(self, part):
        """Returns a cell's image: (height, width, 3), in [0, 255]."""
        return pixels(base64.b64decode(self.data(part, "image/png")))


def pixels(png):
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def epoch_rows(text):
    """Returns the epoch lines of a training run, (epochs, 4): train loss and accuracy, test loss and accuracy."""
    found = re.findall(EPOCH, text)
    assert [(int(epoch), int(count)) for epoch, count, *_ in found] == [(i + 1, len(found)) for i in range(len(found))]
    return np.array([values for _, _, *values in found], float)


def numbers(pattern, text):
    """Returns the groups of a pattern's only match as finite numbers."""
    (found,) = re.findall(pattern, text)
    values = [float(part.replace(",", "")) for part in ([found] if isinstance(found, str) else found)]
    assert np.isfinite(values).all()
    return values


def check_colours(image, colours):
    """Checks that a figure has curves or bars of each colour."""
    for colour in colours:
        assert (np.abs(image - colour) < 40).all(axis=2).sum() > 20
