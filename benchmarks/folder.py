"""Measures the time and memory that a large folder of images needs.

    python benchmarks/folder.py                                        # 100,000 JPEGs of 32x32 pixels
    python benchmarks/folder.py --images 20000 --size 640x480 --image-size 224

Makes the folder (--different random JPEGs, and links to them), then opens it in two processes, one after the other:
the first decodes the images, the second finds them decoded. Each then prepares all images once, as training does
without augmentation. Prints a Markdown table. Memory is the largest sampled one, of the whole process: its own, and
with the mapped file, which the operating system can drop at any time. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import report
from PIL import Image

CLASSES = ("cat", "dog")
BATCH = 256


def make(folder: Path, images: int, different: int, width: int, height: int) -> None:
    """Writes a folder of images, most of which are links."""
    originals = folder / "originals"
    originals.mkdir()
    for number in range(different):
        coarse = np.random.default_rng(number).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        Image.fromarray(coarse).resize((width, height)).save(originals / f"{number}.jpg", quality=90)
    for number in range(images):
        place = folder / "images" / "train" / CLASSES[number % len(CLASSES)]
        place.mkdir(parents=True, exist_ok=True)
        os.link(originals / f"{number % different}.jpg", place / f"{number:07}.jpg")
    test = folder / "images" / "test"
    for name in CLASSES:
        (test / name).mkdir(parents=True)
        os.link(originals / "0.jpg", test / name / "0.jpg")


class Memory(threading.Thread):
    """Samples the memory of this process in MB: its own, and all that is resident."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.own, self.resident = 0.0, 0.0

    def run(self) -> None:
        while True:
            status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
            own, resident = (int(status[key].split()[0]) * 1024 / 1e6 for key in ("RssAnon", "VmRSS"))
            self.own, self.resident = max(self.own, own), max(self.resident, resident)
            time.sleep(0.05)


def measure(folder: str, image_size: int | None) -> None:
    """Opens the folder and reads all images in this process, and prints seconds and memory as JSON."""
    from py_djl_resnet import Recipe
    from py_djl_resnet._folder.data import FolderData
    from py_djl_resnet._java import jvm

    jvm.start()
    memory = Memory()
    memory.start()
    began = time.perf_counter()
    data = FolderData(Recipe(model="resnet18", dataset=f"folder:{folder}", image_size=image_size), quiet=True)
    opened = time.perf_counter()
    sheet, count = jvm.bridge().sheet(data.train), data.train.size()
    for first in range(0, count, BATCH):
        sheet.prepared(data.preprocessing, list(range(first, min(first + BATCH, count))))
    read = time.perf_counter()
    print(json.dumps([opened - began, read - opened, memory.own, memory.resident]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--different", type=int, default=100, help="how many of them differ (default: 100)")
    parser.add_argument("--size", default="32x32", metavar="WxH", help="pixels of the files (default: 32x32)")
    parser.add_argument("--image-size", type=int, metavar="N", help="pixels for the network (default: the files')")
    parser.add_argument("--measure", metavar="DIR", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args.measure, args.image_size)
        return
    with tempfile.TemporaryDirectory() as name:
        width, height = map(int, args.size.split("x"))
        make(Path(name), args.images, args.different, width, height)
        given = [sys.executable, __file__, "--measure", str(Path(name, "images"))]
        given += ["--image-size", str(args.image_size)] if args.image_size else []
        environment = os.environ | {"PY_DJL_RESNET_CACHE": str(Path(name, "cache"))}
        rows = []
        for which in ("first", "later"):
            ended = subprocess.run(given, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            opening, reading, own, resident = json.loads(ended.stdout)
            stored = sum(file.stat().st_size for file in Path(name, "cache", "images").glob("*.images")) / 1e6
            rows.append([which, *(f"{value:,.1f}" for value in (opening, reading)), f"{own:,.0f}", f"{resident:,.0f}"])
            rows[-1].append(f"{stored:,.0f}")
        head = ["run", "opening, s", "reading all, s", "own memory, MB", "with the mapped file, MB", "stored, MB"]
        print(report.markdown(head, rows))
        print(f"\n{args.images:,} JPEGs of {args.size} pixels; {report.processor()}")


if __name__ == "__main__":
    main()
