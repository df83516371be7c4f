"""Reads the outputs of notebooks and checks their images."""

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


def plotly_curves(html):
    """Returns the curves that HTML passes to Plotly: {name: [(x, y), …]}."""
    script = html.rpartition("<script>")[2]
    traces = {
        name: (curve, list(zip(map(float, json.loads(x)), map(float, json.loads(y)), strict=True)))
        for name, x, y, curve in re.findall(
            r"var (trace\d+) =\n\{\nx: (\[[^]]*\]),\ny: (\[[^]]*\]),.*?\nname: '([^']*)',\n\};", script, re.S
        )
    }
    (names,) = re.findall(r"var data = \[(.*)\];\nPlotly\.newPlot\(\w+, data, ", script)
    return dict(traces[name.strip()] for name in names.split(","))


def where(image, colour):
    """Returns which pixels have a colour."""
    return (np.abs(image - colour) < 40).all(axis=2)


def check_curves(image, colours, epochs):
    """Checks that each colour has a curve, or for one epoch a point, apart from the legend."""
    width = image.shape[1]
    # after one epoch, the points of two accuracies may coincide
    for colour in (colours[0], colours[-1]) if epochs == 1 else colours:
        columns = np.flatnonzero(where(image, colour).any(axis=0))
        if epochs == 1:
            assert (abs(columns - width / 2) < 40).any()
        else:
            assert np.ptp(columns) > 0.6 * width
            # a line, not only its ends
            assert len(columns) > 0.3 * np.ptp(columns)


def check_bars(image, colours, values):
    """Checks bars side by side: their heights are proportional to values in [0, 1], ordered by colour."""
    heights = []
    for colour in colours:
        bars = where(image[30:], colour)
        # below the legend; the columns of a bar are adjacent
        columns = np.flatnonzero(bars.sum(axis=0) > 3)
        for bar in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
            assert len(bar) > 20
            heights.append(np.median(bars[:, bar].sum(axis=0)))
    assert len(heights) == len(values)
    scale = np.sum(np.multiply(heights, values)) / np.sum(np.square(values))
    assert scale > 200
    assert np.allclose(heights, np.multiply(scale, values), atol=2.5)


def check_tiles(image, rows, columns):
    """Checks that a figure has a grid of images without white borders, and returns them in grey.

    Returns:
        (rows, columns, 14, 14): every few pixels of each image.
    """
    inked = (image < 250).any(axis=2)
    # unlike lines of text, a row of images fills most of the width
    down = runs(inked.mean(axis=1) > 0.6)
    across = runs(inked[slice(*down[0])].mean(axis=0) > 0.3)
    assert (len(down), len(across)) == (rows, columns)
    grey = image.mean(axis=2)
    places = [[np.linspace(start + 1, end - 2, 14).astype(int) for start, end in ends] for ends in (down, across)]
    return np.array([[grey[np.ix_(y, x)] for x in places[1]] for y in places[0]])


def runs(where):
    """Returns the first and the next index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], where, [False]]).astype(int)))
    return edges.reshape(-1, 2)
