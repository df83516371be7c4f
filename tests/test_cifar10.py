"""CIFAR-10: its binary layout is read and trained on; damaged files are rejected with one line."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from py_djl_resnet import datasets

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
RECORD, RECORDS = 1 + 3 * 32 * 32, 10_000
BATCHES = [f"data_batch_{number}.bin" for number in range(1, 6)]
TINY = ("--epochs", "1", "--limit", "512", "--batch-size", "64", "--out", "mine")


def write_batch(file, seed):
    """Writes a file of the published size: 512 images, a colour per class, then zeros: black airplanes."""
    random = np.random.default_rng(seed)
    records = np.zeros((512, RECORD), np.uint8)
    records[:, 0] = np.arange(512) % 10
    colours = np.random.default_rng(0).integers(0, 256, (10, 3, 1))
    pixels = colours[records[:, 0]] + random.integers(-30, 31, (512, 3, 32 * 32))
    records[:, 1:] = pixels.clip(0, 255).reshape(512, -1)
    with file.open("wb") as batch:
        batch.write(records.tobytes())
        batch.truncate(RECORDS * RECORD)


@pytest.fixture
def folder(tmp_path):
    """A data set in the published layout."""
    folder = tmp_path / "data" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for seed, name in enumerate([*BATCHES, "test_batch.bin"]):
        write_batch(folder / name, seed)
    return folder


def test_training_learns(command, folder, tmp_path):
    code, out, err = command("train", "--dataset", "cifar-10", "--data-dir", folder.parent, "--lr", "0.02", *TINY)
    assert code == 0, err
    with (tmp_path / "mine" / "metrics.csv").open() as table:
        (row,) = csv.DictReader(table)
    assert int(row["step"]) == 8
    assert float(row["train_accuracy"]) > 0.3  # of ten classes
    code, out, err = command("evaluate", "mine", "--limit", "64", "--json")
    assert code == 0, err
    assert '"automobile"' in out


@pytest.mark.parametrize(
    ("name", "size", "part"),
    [
        ("data_batch_3.bin", RECORDS * RECORD - 1, "truncated"),
        ("data_batch_1.bin", 2**40, "too long"),
    ],
)
def test_file_of_another_size_is_rejected(rejected, folder, tmp_path, name, size, part):
    with (folder / name).open("r+b") as batch:
        batch.truncate(size)
    code, message = rejected("train", "--dataset", "cifar-10", "--data-dir", folder, *TINY)
    assert code == 2
    expected = f"{folder / name} is {part}. Received: {size} bytes. Allowed: 30730000, for 10000 records of 3073 bytes."
    assert message.startswith(expected)
    assert not (tmp_path / "mine").exists()


def test_missing_files_suggest_the_download_command(rejected, folder, monkeypatch, tmp_path):
    (folder / "data_batch_4.bin").unlink()
    code, message = rejected("train", "--dataset", "cifar-10", "--data-dir", folder, *TINY)
    assert code == 2
    assert f"{folder} (lacks data_batch_4.bin)" in message
    monkeypatch.setenv("PY_DJL_RESNET_CACHE", str(tmp_path / "cache"))
    code, message = rejected("train", "--dataset", "cifar-10", *TINY)
    assert code == 2
    assert str(tmp_path / "cache" / "data" / "cifar-10-batches-bin") in message
    assert "Download them: python -m py_djl_resnet datasets --download cifar-10." in message


@pytest.mark.skipif(not (SHARED / "cifar10-jpeg.zip").is_file(), reason="the original CIFAR-10 is not available")
def test_real_images_are_read_as_numpy_reads_them(jvm, tmp_path):
    subprocess.run([sys.executable, SHARED / "cifar10_binary.py", tmp_path], check=True, timeout=120)
    folder = tmp_path / "cifar-10-batches-bin"
    for train, names, count in ((True, BATCHES, 5_000), (False, ["test_batch.bin"], 1_000)):
        content = np.concatenate([np.fromfile(folder / name, np.uint8).reshape(-1, RECORD) for name in names])
        dataset = datasets.named("cifar-10", str(tmp_path), train=train, limit=None)
        labels = np.array(dataset.labels())
        np.testing.assert_array_equal(labels, content[:, 0])
        np.testing.assert_array_equal(np.bincount(labels), [count] * 10)
        pixels = np.frombuffer(memoryview(dataset.pixels()), np.uint8).reshape(-1, RECORD - 1)
        np.testing.assert_array_equal(pixels, content[:, 1:])
        assert list(map(str, dataset.classNames())) == (folder / "batches.meta.txt").read_text().split()
