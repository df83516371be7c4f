"""Damaged or unsuitable data are rejected with one line: what, where, what to do."""

import gzip
import os
import re
import struct

import numpy as np
import pytest
from PIL import Image

from py_djl_resnet import Recipe, UsageError, create_model, load, resume, train
from py_djl_resnet.datasets import bundled_data

TINY = ("--epochs", "1", "--limit", "64", "--batch-size", "32", "--out", "mine")


def write_idx(file, array):
    """Writes a gzip IDX file of bytes."""
    header = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
    file.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes(), 1))


@pytest.fixture
def idx(tmp_path):
    """A folder with a valid data set of 40 training and 20 test images of 28x28."""
    folder = tmp_path / "idx"
    folder.mkdir()
    random = np.random.default_rng(0)
    for part, count in (("train", 40), ("t10k", 20)):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", random.integers(0, 256, (count, 28, 28)))
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", np.arange(count) % 10)
    return folder


IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


@pytest.mark.parametrize(
    ("name", "content"),
    [(IMAGES, None), (IMAGES, b"something else entirely"), (IMAGES, gzip.compress(bytes(16))), (LABELS, b"")],
)
def test_damaged_data_are_rejected(rejected, idx, tmp_path, name, content):
    (idx / name).unlink()
    if content is not None:
        (idx / name).write_bytes(content)
    code, message = rejected("train", "--dataset", "idx", "--data-dir", idx, *TINY)
    assert code == 2
    assert name.removesuffix("-ubyte.gz") in message
    assert not (tmp_path / "mine").exists()


def test_fashion_mnist_with_another_checksum_is_rejected(rejected, tmp_path):
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    for file in (bundled_data() / "fashion-mnist").glob("*.gz"):
        (folder / file.name).symlink_to(file)
    labels = folder / LABELS
    content = bytearray(gzip.decompress(labels.read_bytes()))
    content[100] = (content[100] + 1) % 10
    labels.unlink()
    labels.write_bytes(gzip.compress(bytes(content), 1))
    code, message = rejected("train", "--data-dir", folder, *TINY)
    assert code == 2
    assert LABELS in message
    assert "MD5" in message or "checksum" in message


def test_missing_data_folder_is_rejected(rejected, tmp_path):
    code, message = rejected("train", "--data-dir", "nowhere", *TINY)
    assert code == 2
    assert str(tmp_path / "nowhere") in message
    assert not (tmp_path / "mine").exists()


def test_images_that_are_not_square_train_and_predict(command, idx, tmp_path):
    for part, count in (("train", 40), ("t10k", 20)):
        write_idx(idx / f"{part}-images-idx3-ubyte.gz", np.zeros((count, 20, 28)))
    code, _, err = command("train", "--dataset", "idx", "--data-dir", idx, "--quiet", *TINY)
    assert code == 0, err
    Image.new("L", (56, 20)).save(tmp_path / "a.png")
    code, out, _ = command("predict", "mine", "a.png")
    assert (code, out[:6]) == (0, "a.png:")
    with load("mine") as model:
        assert model.image_size is None
        assert {key: model.preprocessing["resize"][key] for key in ("height", "width")} == {"height": 20, "width": 28}


@pytest.mark.parametrize("label", [100_000, 3 * 2**31, 2**64 - 1])
def test_labels_that_cannot_be_class_numbers_are_rejected(arrays, label):
    labels = arrays[1].astype(np.uint64)
    labels[5] = label
    with pytest.raises(
        UsageError,
        match=f"training labels must number the classes from 0. Received: {label} at index 5. Allowed: 0 to 99999.",
    ):
        train(dataset=(arrays[0], labels, *arrays[2:]), progress=False)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_more_images_than_fit_in_a_buffer_are_rejected(arrays, dtype):
    images = np.broadcast_to(dtype(0), (40_000, 1, 300, 300))
    labels = np.broadcast_to(0, 40_000)
    with pytest.raises(
        UsageError,
        match=f"Too many bytes in training images. Received: {images.nbytes} bytes. Allowed: 2147483647 bytes",
    ):
        train(dataset=(images, labels, *arrays[2:]), progress=False)
    if dtype == np.float32:
        with (
            create_model() as model,
            pytest.raises(UsageError, match=r"Too many bytes in input.* Allowed: 2147483647 bytes"),
        ):
            model(images)


def not_utf8(folder, name="caf"):
    """Returns a path with a byte that is not UTF-8, as old archives have them."""
    return os.fsdecode(os.fsencode(folder) + b"/" + name.encode() + b"\xe9")


NOT_UTF8 = r"must be a path in UTF-8\. Received: '.*caf\\udce9.*'\. Rename the file or folder\."


@pytest.mark.parametrize(
    "use",
    [
        lambda run, path: train(out=path, progress=False),
        lambda run, path: train(recipe=Recipe(data_dir=path), progress=False),
        lambda run, path: resume(path, progress=False),
        lambda run, path: load(path),
        lambda run, path: create_model("resnet18", weights=path),
        lambda run, path: run.model.save(path),
        lambda run, path: run.plot(path),
    ],
)
def test_path_that_is_not_utf8_is_rejected(trained, tmp_path, use):
    with pytest.raises(UsageError, match=NOT_UTF8):
        use(trained, not_utf8(tmp_path))


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--model", "caf\udce9"],
        ["train", "--dataset", "caf\udce9"],
        ["summary", "caf\udce9"],
        ["predict", "{run}", "a.png", "--preprocessing", "caf\udce9"],
        ["import", "{run}/best.safetensors", "--model", "caf\udce9", "--out", "new.safetensors"],
    ],
)
def test_name_that_is_not_utf8_is_rejected(rejected, trained, tmp_path, arguments):
    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    code, message = rejected(*(argument.format(run=trained.folder) for argument in arguments))
    assert code == 2
    assert re.search(
        r"^Names and paths must be valid UTF-8\. Received: .*caf\\udce9'\. Correct or rename it\.$", message
    )


def test_working_directory_that_is_not_utf8_is_rejected(trained, tmp_path, monkeypatch):
    folder = not_utf8(tmp_path)
    os.mkdir(folder)
    monkeypatch.chdir(folder)
    for use in (lambda: train(recipe=Recipe(limit=64), progress=False), lambda: load("c.safetensors")):
        with pytest.raises(UsageError, match=NOT_UTF8):
            use()
    assert os.listdir(folder) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipe_instead_of_a_run_is_rejected(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="pipe is a pipe or a device"):
        resume(tmp_path / "pipe", progress=False)
    with pytest.raises(UsageError, match='"validation" names a file that cannot be read'):
        train(recipe=Recipe(limit=64, validation=str(tmp_path / "pipe")), progress=False)
