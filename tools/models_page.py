"""Writes docs/models.md: the networks of the papers' tables, with our counts.

Run from the repository's root after a change of a network:

    python tools/models_page.py
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from py_djl_resnet import Summary, summarize
from py_djl_resnet.models import available

PAGE = Path(__file__).parent.parent / "docs" / "models.md"
PHOTOGRAPHS = (18, 34, 50, 101, 152)
SMALL = (20, 32, 44, 56, 110)

TEXT = """# Networks

Made by `python tools/models_page.py`; a test holds that it is current. `py-djl-resnet models` lists the same networks,
and `py-djl-resnet summary NAME --table --depth 2` one of them. Parameters are the trainable ones, without running
statistics; multiply-adds are those of convolutions and linear layers for one image.

Options follow a name after plus signs, in recipes, commands and both APIs: `resnet50+deep_stem+pooled_shortcut` is
timm's resnet50d. A checkpoint keeps them.

Every network takes images from 1×1 up, so there is no least size to refuse.

| option | what it changes |
|---|---|
| `zero_init_last_gamma` | the last scales of each residual branch begin as 0 |
| `stride_in_1x1` | a bottleneck's stride is on its first 1×1 convolution, as in the paper, rather than on the 3×3 |
| `deep_stem` | three 3×3 convolutions in place of the 7×7 (ResNet-D) |
| `pooled_shortcut` | 2×2 average pooling before a projection of stride 1 (ResNet-D) |
| `small_stem` | one 3×3 convolution of stride 1 and no pooling, for small images |
| `option_b` | projections in place of option A's zero padding |

## For photographs: table 1 of He et al. (2015)

`resnetN`, with 3 channels and 1000 classes at 224×224. The first block of each stage but the first has the stride 2.

{photographs}

`preact-resnetN` has the same blocks in the order of He et al. (2016): batch normalization and ReLU before each
convolution. The stem's pair serves the first block, and the shortcut where the shape changes is a convolution without
batch normalization.

## For 32×32 images: section 4.2 of He et al. (2015)

`cifar-resnetN` with option A, with 3 channels and 10 classes:

{layout}

Of option A's channels of zeros half stand on each side. `plainN` is the same without the shortcuts, with the same
counts.

{small}

`study-resnetN` and `study-plainN` have the same blocks, but the last block of the first two stages changes the shape,
in its second convolution, and batch normalization keeps 10 % of its old statistics at each step.

## All

{all}
"""


def convolutions(summary: Summary, stage: str) -> list[list[str]]:
    """The convolutions of each block of a stage, as ``3×3, 64``."""
    blocks: dict[str, list[str]] = {}
    channels = 0
    for layer in summary.layers:
        if layer["type"] not in ("Conv2d", "Convolution"):
            continue
        out = layer["output_shape"][1]
        found = re.match(rf"\d+{stage}/(\d+)\w+/\d+sum/\d+branch/\d+conv\d+$", layer["name"])
        if "shortcut" in layer["name"]:
            continue
        if found:
            size = math.isqrt(layer["parameters"] // (channels * out))
            blocks.setdefault(found[1], []).append(f"{size}×{size}, {out}")
        channels = out
    return list(blocks.values())


def structure(summary: Summary, stage: str) -> str:
    """A cell of He et al.'s table: the block of a stage and how many there are."""
    blocks = convolutions(summary, stage)
    (block,) = {", ".join(f"[{row}]" for row in rows) for rows in blocks}
    return f"{block} × {len(blocks)}"


def size(summary: Summary, layer: str) -> str:
    """The map's height and width after a layer."""
    (shape,) = (row["output_shape"] for row in summary.layers if re.fullmatch(rf"\d+{layer}", row["name"]))
    return f"{shape[2]}×{shape[3]}"


def table(rows: list[list[str]]) -> str:
    """Rows as a table, the first as its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def photographs() -> str:
    """He et al.'s table 1."""
    networks = {depth: summarize(f"resnet{depth}", depth=9) for depth in PHOTOGRAPHS}
    one = networks[18]
    same = [""] * (len(PHOTOGRAPHS) - 1)
    rows = [["layer", "output", *(f"resnet{depth}" for depth in PHOTOGRAPHS)]]
    rows.append(["`conv1`", size(one, "conv1"), "7×7, 64, stride 2", *same])
    rows.append(["", size(one, "maxpool"), "3×3 max pooling, stride 2", *same])
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        cells = [structure(network, stage) for network in networks.values()]
        rows.append([f"`{stage}`", size(one, stage), *cells])
    rows.append(["`fc`", "1×1", "average pooling, 1000 classes", *same])
    rows.append(["parameters", "", *(f"{net.total['trainable_parameters']:,}" for net in networks.values())])
    rows.append(["multiply-adds", "", *(f"{net.total['multiply_adds'] / 1e9:.2f} · 10⁹" for net in networks.values())])
    return table(rows)


def small() -> str:
    """The networks for CIFAR-10."""
    rows = [["network", "n", "parameters", "with option B", "multiply-adds", "paper's parameters"]]
    papers = {20: "0.27 M", 32: "0.46 M", 44: "0.66 M", 56: "0.85 M", 110: "1.7 M"}
    for depth in SMALL:
        name = f"cifar-resnet{depth}"
        total, other = summarize(name).total, summarize(f"{name}+option_b").total
        rows.append(
            [
                f"`{name}`",
                str((depth - 2) // 6),
                f"{total['trainable_parameters']:,}",
                f"{other['trainable_parameters']:,}",
                f"{total['multiply_adds'] / 1e6:.1f} · 10⁶",
                papers[depth],
            ]
        )
    return table(rows)


def layout() -> str:
    """The stages of the smallest of the networks for CIFAR-10."""
    network = summarize("cifar-resnet20", depth=9)
    rows = [["layer", "output", "cifar-resnetN, N = 6n + 2"], ["`conv1`", size(network, "conv1"), "3×3, 16"]]
    for stage in ("layer1", "layer2", "layer3"):
        block = ", ".join(f"[{row}]" for row in convolutions(network, stage)[-1])
        rows.append([f"`{stage}`", size(network, stage), f"{block} × n"])
    rows.append(["`fc`", "1×1", "average pooling, 10 classes"])
    return table(rows)


def everything() -> str:
    """All networks by name."""
    rows = [["name", "what", "input", "parameters", "multiply-adds", "options"]]
    rows += [
        [
            f"`{model['name']}`",
            model["description"],
            "×".join(map(str, model["input"][1:])),
            f"{model['trainable_parameters']:,}",
            f"{model['multiply_adds']:,}",
            ", ".join(f"`{option}`" for option in model["options"]),
        ]
        for model in available()
    ]
    return table(rows)


def page() -> str:
    """The page's text."""
    return TEXT.format(photographs=photographs(), small=small(), layout=layout(), all=everything())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
