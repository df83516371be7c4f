"""Files of weights: safetensors, which Java reads, and torch's pickles, which torch reads in another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._java import jvm
from .checks import checked_path, require_no_pipe
from .errors import UsageError


def open_weights(file: str | os.PathLike[str], options: Mapping[str, Any]) -> Any:
    """Returns Java's ``NetworkHandle`` of a file of weights; the JVM must be running.

    Args:
        file: safetensors, or a file of ``torch.save``.
        options: the keys of ``Bridge.importWeights`` except ``source``.

    Raises:
        UsageError: the file is missing, damaged or of another kind, or its tensors do not fit the network.
    """
    path = Path(checked_path(file, "weights"))
    if path.is_dir():
        raise UsageError(f"Weights {path} are a folder. Give a file in it, such as best.safetensors of a run.")
    require_no_pipe(path)
    if not path.is_file():
        raise UsageError(f"Weights {path} do not exist. Give a .safetensors, .pth or .pt file.")
    given = json.dumps({**options, "source": os.path.abspath(path)}, ensure_ascii=False)
    with jvm.translated_errors():
        handle = jvm.bridge().importWeights(os.path.abspath(path), given)
    if handle is not None:
        return handle
    with tempfile.TemporaryDirectory(prefix="py-djl-resnet-") as folder:
        converted = Path(folder) / "converted.safetensors"
        _unpickle(path, converted)
        try:
            with jvm.translated_errors():
                return jvm.bridge().importWeights(str(converted), given)
        except UsageError as error:
            raise UsageError(str(error).replace(str(converted), str(path))) from None


def _unpickle(file: Path, target: Path) -> None:
    program = Path(__file__).with_name("_unpickle.py")
    child = subprocess.run(
        [sys.executable, str(program), os.path.abspath(file), str(target)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    try:
        answer = json.loads(child.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        last = (child.stderr.strip().splitlines() or ["nothing"])[-1]
        raise UsageError(
            f"{file} cannot be read: torch ended with exit code {child.returncode} and printed: {last[:300]}"
        ) from None
    if not answer:
        return
    raise UsageError(
        {
            "torch": "{file} is a pickle, which needs torch, and torch cannot be imported: {text}. Run pip install "
            "'py-djl-resnet[torch]', or convert the file to safetensors.",
            "object": "{file} contains {text}. Only tensors are read from a pickle, because other objects can run "
            "code. Save only the weights in torch: torch.save(model.state_dict(), 'weights.pth')",
            "damaged": "{file} cannot be read: {text}. It may be damaged; download or save it again.",
            "content": "{file} does not contain a state dict: {text}. Save one in torch: "
            "torch.save(model.state_dict(), 'weights.pth')",
        }[answer["kind"]].format(file=file, text=answer["error"][:300].rstrip("."))
    )
