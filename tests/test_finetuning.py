"""The tutorial docs/finetuning.md, on a small folder of images."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from state_files import read_safetensors

from py_djl_resnet import Run, create_model

PAGE = (Path(__file__).parent.parent / "docs" / "finetuning.md").read_text("utf-8")


def photo(seed, upright):
    """Stripes in a random colour, upright for cats."""
    random = np.random.default_rng(seed)
    lines = 0.5 + 0.5 * np.sin(np.arange(96) / random.uniform(2, 4) + random.uniform(0, 6))
    grey = np.tile(lines, (96, 1)) if upright else np.tile(lines[:, None], (1, 96))
    return Image.fromarray((255 * grey[..., None] * random.uniform(0.5, 1, 3)).astype(np.uint8))


@pytest.fixture(scope="module")
def work(jvm, tmp_path_factory):
    """A folder with photos and pretrained weights."""
    folder = tmp_path_factory.mktemp("tutorial")
    for part, counts in (("train", {"cat": 96, "dog": 48}), ("test", {"cat": 4, "dog": 4})):
        for name, count in counts.items():
            place = folder / "photos" / part / name
            place.mkdir(parents=True)
            for number in range(count):
                photo(len(part) * 1000 + number, name == "cat").save(place / f"{number:04}.png")
    (folder / "new").mkdir()
    photo(7, True).save(folder / "new" / "photo.png")
    with create_model("resnet18", seed=3) as model:
        model.export(folder / "pretrained.safetensors", "safetensors")
    return folder


def test_tutorial_runs(work, command, monkeypatch):
    monkeypatch.chdir(work)
    commands = re.findall(r"^\$ py-djl-resnet (.*)$", PAGE, re.MULTILINE)
    assert [line.split()[0] for line in commands] == [
        *("datasets", "import", "lr-find", "train", "evaluate", "predict", "export"),
    ]
    printed = {}
    for line in commands:
        # small images and a short sweep, to save time
        shorter = line.replace("--image-size 128", "--image-size 48").replace("lr-find", "lr-find --steps 20")
        code, printed[line.split()[0]], err = command(*shlex.split(shorter))
        assert code == 0, f"{line}\n{err}"
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(example, "the tutorial", "exec"), {})
    # the body is the pretrained one, the head is new
    before, start = read_safetensors(work / "pretrained.safetensors"), read_safetensors(work / "start.safetensors")
    assert start["fc.weight"].shape == (2, 512)
    assert len(before.keys() & start.keys()) == 102
    for name, values in before.items():
        if name in start and not name.startswith("fc."):
            np.testing.assert_array_equal(start[name], values, err_msg=name)
    run = work / "runs" / "photos"
    for file in (
        *(
            work / "photos.png",
            work / "sweep" / "lr-find.png",
            work / "mistakes.png",
            work / "photos.onnx",
            run / "report.html",
        ),
        *(run / "figures" / name for name in ("metrics.png", "confusion.png", "mistakes.png")),
    ):
        assert file.stat().st_size > 1000, file
    # the stripes are easy to tell apart
    assert Run.open(run).history[-1]["test_accuracy"] > 0.8
    assert printed["predict"].startswith("new/photo.png: cat ")
