"""Exported networks: torchvision's state dict, and the folder for DJL."""

import json
import os
import shutil
from pathlib import Path

import pytest
from state_files import read_safetensors

from py_djl_resnet import UsageError, create_model

GOLDEN = Path(__file__).parent / "golden" / "torchvision_tensors.txt"


def torchvisions(name):
    """Type and shape of each tensor of torchvision's network, by name."""
    lines = (line.split(" ") for line in GOLDEN.read_text().splitlines())
    return {
        tensor: (dtype, tuple(int(size) for size in "".join(sizes).split(",") if size))
        for model, tensor, dtype, *sizes in lines
        if model == name
    }


@pytest.fixture(scope="module")
def small():
    with create_model("cifar-resnet20", 3, class_names=["cat", "dog"]) as model:
        yield model


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnext50_32x4d"])
def test_safetensors_match_torchvisions_state_dict(tmp_path, name):
    with create_model(name, 3, 1000) as model:
        model.export(tmp_path / "net.safetensors")
        assert list(model.state_dict()) == list(torchvisions(name))
    found = read_safetensors(tmp_path / "net.safetensors")
    assert {tensor: (array.dtype.name, array.shape) for tensor, array in found.items()} == torchvisions(name)


HOW = {
    "channels": 3,
    "resize": {"to": "exact", "height": 48, "width": 40, "interpolation": "bicubic", "rounded": True},
    "crop": None,
    "mean": [0.5, 0.25, 0.125],
    "deviation": None,
}


def served(folder):
    """The lines of serving.properties by key."""
    return dict(line.split("=", 1) for line in (folder / "serving.properties").read_text().splitlines())


def test_djl_folder_records_the_given_preprocessing(command, tmp_path, small):
    small.save(tmp_path / "net.safetensors")
    (tmp_path / "how.json").write_text(json.dumps(HOW))
    arguments = ("export", "net.safetensors", "--format", "djl", "--preprocessing", "how.json")
    code, _, _ = command(*arguments, "--out", "served")
    assert code == 0
    names = ["cifar-resnet20-0000.params", "serving.properties", "synset.txt"]
    assert sorted(file.name for file in (tmp_path / "served").iterdir()) == names
    assert (tmp_path / "served" / "synset.txt").read_text() == "cat\ndog\n"
    lines = served(tmp_path / "served")
    assert json.loads(lines["preprocessing"]) == HOW
    assert lines["network"] == "cifar-resnet20"
    assert lines["classes"] == "2"
    assert (tmp_path / "served" / "cifar-resnet20-0000.params").read_bytes()[:4] == b"DJL@"


def test_djl_folder_records_the_preprocessing_of_the_training(command, trained, tmp_path):
    code, _, _ = command("export", trained.folder, "--format", "djl", "--out", "served")
    assert code == 0
    assert json.loads(served(tmp_path / "served")["preprocessing"]) == trained.model.preprocessing
    assert trained.model.image_size == 28
    assert (tmp_path / "served" / "synset.txt").read_text().splitlines()[9] == "Ankle boot"


def test_nonempty_folder_is_not_overwritten(tmp_path, small):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "precious").write_text("mine")
    with pytest.raises(UsageError, match=r"served (exists|is not empty)"):
        small.export(tmp_path / "served", "djl")
    assert [file.name for file in (tmp_path / "served").iterdir()] == ["precious"]
    assert [file.name for file in tmp_path.iterdir()] == ["served"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"format": "torch"}, "Unknown format. Received: 'torch'. Allowed: safetensors, djl, onnx."),
        ({"format": "djl", "with_preprocessing": True}, "with_preprocessing needs the format onnx. Received: djl"),
        ({"format": "onnx", "preprocessing": "plain:9"}, "needs the format djl, or onnx with with_preprocessing"),
        ({"format": "safetensors", "preprocessing": HOW}, "needs the format djl, .* Received: safetensors"),
        ({"path": "net.safetensors", "format": "onnx"}, "net.safetensors .* Received: onnx. Allowed: safetensors."),
        ({"path": "net.onnx", "format": "djl"}, "net.onnx .* Received: djl. Allowed: onnx."),
        ({"format": "djl", "preprocessing": "plain:0"}, "(?i)preprocessing.* received: '?plain:0"),
        ({"format": "djl", "preprocessing": HOW | {"deviation": [1, 1, 0]}}, 'Invalid value for "deviation"'),
    ],
)
def test_invalid_argument_is_rejected(tmp_path, small, arguments, message):
    with pytest.raises(UsageError, match=message):
        small.export(**({"path": tmp_path / "out"} | arguments))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        ({"in_channels": 2}, {}, "images with 1 or 3 channels. Received: a network with 2"),
        ({"in_channels": 1}, {"preprocessing": HOW}, "outputs images with 3 channels, but the network needs 1"),
        ({"in_channels": 3, "class_names": ["a\nb"]}, {}, "one line of synset.txt"),
    ],
)
def test_network_that_djl_cannot_serve_is_rejected(tmp_path, network, arguments, message):
    with create_model("cifar-resnet20", **network) as model, pytest.raises(UsageError, match=message):
        model.export(tmp_path / "served", "djl", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_checkpoint_is_not_overwritten(tmp_path, small):
    checkpoint = tmp_path / "last.safetensors"
    small.save(checkpoint)
    before = checkpoint.read_bytes()
    with pytest.raises(UsageError, match=r"last\.safetensors is a checkpoint"):
        small.export(checkpoint)
    assert checkpoint.read_bytes() == before
    small.save(checkpoint)  # allowed, because it holds no run


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipe_is_not_replaced(tmp_path, small):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for write in (small.save, small.export):
        with pytest.raises(UsageError, match="is a pipe or a device"):
            write(pipe)
    assert pipe.is_fifo()


def test_files_of_a_run_are_not_overwritten(rejected, trained, small, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained.folder, run)
    small.export(tmp_path / "weights.safetensors")
    files = [run / name for name in ("last.safetensors", "best.safetensors", "metrics.csv", "recipe.json", "run.lock")]
    before = [file.read_bytes() for file in files]
    for file in files:
        for write in (small.save, small.export):
            with pytest.raises(UsageError, match=rf"{file.name} is a "):
                write(file)
        code, line = rejected("import", tmp_path / "weights.safetensors", "--model", small.name, "--out", file)
        assert code == 2
        assert line.startswith(f"{file} is a ")
    assert [file.read_bytes() for file in files] == before
    small.save(run / "mine.safetensors")


def test_missing_folder_and_folder_as_target_are_rejected(tmp_path, small):
    with pytest.raises(UsageError, match="new does not exist"):
        small.export(tmp_path / "new" / "net.safetensors")
    with pytest.raises(UsageError, match="is a folder"):
        small.export(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_command_names_the_flags(rejected, small, tmp_path):
    small.save(tmp_path / "net.safetensors")
    code, message = rejected(
        "export", "net.safetensors", "--format", "onnx", "--out", "n", "--preprocessing", "plain:9"
    )
    assert code == 2
    assert message == "--preprocessing needs --format djl, or --format onnx with --with-preprocessing."
    code, message = rejected("export", "net.safetensors", "--format", "djl", "--out", "n", "--with-preprocessing")
    assert (code, message) == (2, "--with-preprocessing needs --format onnx.")
