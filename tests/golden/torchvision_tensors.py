"""Writes torchvision_tensors.txt: what load_state_dict asks for, strictly. Needs torchvision; made with 0.29.2."""

from pathlib import Path

import torchvision

NAMES = ("resnet18", "resnet50", "resnext50_32x4d")

lines = []
for name in NAMES:
    for tensor, value in getattr(torchvision.models, name)().state_dict().items():
        sizes = ",".join(map(str, value.shape))
        lines.append(f"{name} {tensor} {str(value.dtype).removeprefix('torch.')} {sizes}".rstrip())
Path(__file__).with_suffix(".txt").write_text("\n".join(lines) + "\n")
