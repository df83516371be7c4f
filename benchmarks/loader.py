"""Measures the processor time that the loader needs for an image, by augmentation.

    python benchmarks/loader.py

Prints a Markdown table: nanoseconds per image, the mean of 10 passes over 10,000 random images, after 3 that warm up,
each list in a Java process of its own. The two last lists are those of the fast recipes.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from py_djl_resnet._java import find, jars

LISTS = (
    "none",
    "crop:4",
    "crop:4,flip",
    "crop:4,flip,erase:0.25:3-13",
    "translate:2,alternating-flip",
    "rotate:15",
    "brightness:0.4,contrast:0.4",
    "trivial",
    "resized-crop",
    "mixup:0.2",
    "cutmix:1",
    "flip,translate:2,erase:0.25:3-13",
    "alternating-flip,translate:2",
)


def nanoseconds(name: str, channels: int, size: int, batch: int) -> float:
    """Returns the time for one of `LISTS`."""
    class_path = os.pathsep.join(map(str, jars.class_path("pytorch", offline=True)))
    command = [find.find_java().home / "bin" / "java", "-cp", class_path, "-XX:+UseSerialGC"]
    command += [Path(__file__).parent / "java" / "LoaderSpeed.java", channels, size, batch, name]
    line = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout
    return float(line.split()[1])


if __name__ == "__main__":
    print("| augmentations | 1×28×28, batches of 512 | 3×32×32, batches of 1,024 |\n|---|---|---|")
    for name in LISTS:
        print(f"| `{name}` | {nanoseconds(name, 1, 28, 512):,.0f} | {nanoseconds(name, 3, 32, 1024):,.0f} |")
