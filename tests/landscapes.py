"""Folders of landscapes whose values are a function's."""

import csv
import json
import math

from py_djl_resnet.landscape import coordinates, read_landscape

HEADER = ("direction", "i", "j", "x", "y", "loss", "accuracy", "loss_error", "accuracy_error")


def write_landscape(folder, loss, grid, ranges, *, directions=1, missing=(), **info):
    """Writes the folder of `loss`(x, y, direction), without the points (i, j) in `missing`, and reads it."""
    folder.mkdir(parents=True)
    whole = {
        "format": 1,
        "kind": "surface",
        "model": "study-resnet20",
        "dataset": "cifar-10",
        "grid": list(grid),
        "range": [list(ends) for ends in ranges],
        "normalize": "filter",
        "split": "test",
        "examples": 1000,
        "directions": directions,
    }
    (folder / "landscape.json").write_text(json.dumps(whole | info))
    x, y = [coordinates(*ends, size) for ends, size in zip(ranges, grid, strict=True)] + [[""]] * (2 - len(grid))
    with (folder / "points.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(HEADER)
        for k in range(directions):
            for i, across in enumerate(x):
                for j, up in enumerate(y):
                    if (i, j) not in missing:
                        value = loss(across, 0 if up == "" else up, k)
                        accuracy = math.exp(-value) if 0 <= value < math.inf else 0.1
                        where = (k, i, j if len(grid) > 1 else "", across, up)
                        table.writerow((*where, value, accuracy, 0.05, 0.01))
    return read_landscape(folder)
