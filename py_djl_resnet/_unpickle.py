"""Reads a pickled state dict without running its code, and writes it as safetensors; as a separate program.

``_weight_files.py`` runs this file in another process, so that torch never shares one with DJL's libraries. It prints
one line of JSON: ``{}``, or ``{"error": ..., "kind": ...}``.
"""

from __future__ import annotations

import argparse
import json
import re
import struct
import sys
from pathlib import Path
from typing import Any

#: Where training checkpoints keep their state dict.
NESTED = ("state_dict", "model_state_dict", "model", "net", "module")

#: torch's types as safetensors names them.
TYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}


class RejectedError(Exception):
    """The file cannot be used; `kind` is torch, object, damaged or content."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def main(source: str, target: str) -> None:
    """Writes the tensors of the pickle `source` to the safetensors file `target`."""
    try:
        try:
            import torch
        except ImportError as error:
            raise RejectedError("torch", str(error)) from error
        # of training scripts of timm and torchvision: plain values, no code
        torch.serialization.add_safe_globals([argparse.Namespace])
        write(torch, state_dict(torch, source), target, 4 * Path(source).stat().st_size + 2**20)
    except RejectedError as rejected:
        print(json.dumps({"error": str(rejected), "kind": rejected.kind}))
    else:
        print("{}")


def state_dict(torch: Any, source: str) -> dict[str, Any]:
    """Returns the tensors by name, from a state dict or a training checkpoint that contains one."""
    try:
        loaded = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip() or type(error).__name__
        if found := re.search(r"GLOBAL ([\w.]+)", text):
            raise RejectedError("object", found[1]) from error
        raise RejectedError("damaged", text.splitlines()[0]) from error
    for key in NESTED:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
            break
    if not isinstance(loaded, dict) or not loaded:
        raise RejectedError("content", f"it contains a {type(loaded).__name__}, not tensors by name")
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise RejectedError("content", f"its entry {str(name)[:100]!r} is a {type(value).__name__}, not a tensor")
    return loaded


def write(torch: Any, tensors: dict[str, Any], target: str, most: int) -> None:
    """Writes tensors as safetensors, at most `most` bytes: an expanded tensor of any size takes few in a pickle."""
    header: dict[str, Any] = {}
    at = 0
    for name, tensor in tensors.items():
        kind = str(tensor.dtype).removeprefix("torch.")
        if kind not in TYPES or str(tensor.layout) != "torch.strided":
            raise RejectedError("content", f"its tensor {name[:100]!r} has the type {kind}, layout {tensor.layout}")
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": TYPES[kind], "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
        if at > most:
            raise RejectedError("content", f"it declares more than {most} bytes of tensors, several times its size")
    text = json.dumps(header).encode()
    with open(target, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())


if __name__ == "__main__":
    sys.path.pop(0)  # this package's folder, whose modules are not what torch means by their names
    main(sys.argv[1], sys.argv[2])
