"""Whatever is wrong gets one line that says what, where and what to do, and nothing is overwritten."""

import gzip
import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from py_djl_resnet.datasets import bundled_data

TINY = ("--epochs", "1", "--limit", "64", "--batch-size", "32", "--out", "mine")


def write_idx(file, array, magic=None, shape=None):
    """A gzip IDX file of bytes; `magic` and `shape` replace what the header should say."""
    header = struct.pack(">I", 0x800 + array.ndim if magic is None else magic)
    header += struct.pack(f">{array.ndim}I", *(shape or array.shape))
    file.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes(), 1))


@pytest.fixture
def idx(tmp_path):
    """A folder with a sound data set of 40 training and 20 test pictures of 28x28."""
    folder = tmp_path / "idx"
    folder.mkdir()
    random = np.random.default_rng(0)
    for part, count in (("train", 40), ("t10k", 20)):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", random.integers(0, 256, (count, 28, 28)))
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", np.arange(count) % 10)
    return folder


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["trian"], ["'trian'", "did you mean 'train'?", "evaluate"]),
        (["train", "--epoch", "3"], ["'--epoch'", "did you mean '--epochs'?"]),
        (["train", "extra"], ["'extra'"]),
        (["train", "--engine", "pytorc"], ["'pytorc'", "did you mean 'pytorch'?", "mxnet"]),
        (["train", "--model", "d2l-resnet81"], ["d2l-resnet81", "d2l-resnet18"]),
        (["train", "--dataset", "fashion-mist"], ["fashion-mist", "fashion-mnist"]),
        (["train", "--schedule", "cosin"], ["cosin", "cosine"]),
        (["train", "--device", "tpu"], ["tpu", "cpu, gpu"]),
        (["train", "--recipe", "fashion-mnist-momentun"], ["did you mean 'fashion-mnist-momentum'?"]),
        (["summary", "d2l-resnet81"], ["d2l-resnet81", "d2l-resnet18"]),
        (["summary", "d2l-resnet18", "--input", "1,28,28"], ["N,C,H,W", "'1,28,28'"]),
        (["summary", "d2l-resnet18", "--input", "1,1,0,28"], ["N,C,H,W", "'1,1,0,28'"]),
        (["summary"], ["MODEL"]),
        ([], ["give a command", "train"]),
    ],
)
def test_misspelt_name_is_answered_with_the_nearest(refused, arguments, parts):
    code, message = refused(*arguments)
    assert code == 2
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--epochs", "0"),
        ("--epochs", "-1"),
        ("--epochs", "1.5"),
        ("--batch-size", "0"),
        ("--batch-size", "100000000000"),
        ("--lr", "-1"),
        ("--lr", "nan"),
        ("--lr", "inf"),
        ("--lr", "much"),
        ("--momentum", "1"),
        ("--weight-decay", "-0.1"),
        ("--limit", "0"),
        ("--image-size", "0"),
        ("--threads", "0"),
        ("--seed", "99999999999999999999"),
        ("--step-factor", "-2"),
        ("--warmup-epochs", "10"),
    ],
)
def test_setting_out_of_range_is_named_with_what_is_allowed(refused, tmp_path, option, value):
    code, message = refused("train", option, value, "--out", "mine")
    assert code == 2
    assert option.removeprefix("--").replace("-", "_") in message.replace("-", "_")
    assert any(word in message for word in ("llowed", "must be"))
    assert not (tmp_path / "mine").exists()


def test_nesterov_without_momentum_is_refused(refused):
    code, message = refused("train", "--nesterov")
    assert code == 2
    assert "momentum" in message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"epoch": 3}', "unknown key 'epoch'; did you mean 'epochs'?"),
        ('{"epochs": "3"}', 'epochs must be a whole number; received "3"'),
        ('{"epochs": 3', "is not JSON"),
        ("[3]", "must be a JSON object"),
    ],
)
def test_wrong_recipe_file_is_named(refused, tmp_path, text, part):
    (tmp_path / "mine.json").write_text(text)
    code, message = refused("train", "--recipe", "mine.json")
    assert code == 2
    assert "mine.json" in message
    assert part in message


def test_missing_recipe_file_is_named(refused):
    code, message = refused("train", "--recipe", "nothing.json")
    assert code == 2
    assert "recipe nothing.json cannot be read" in message


def test_wrong_environment_is_named(refused, monkeypatch):
    monkeypatch.setenv("DATASET_LIMIT", "many")
    code, message = refused("train")
    assert code == 2
    assert "DATASET_LIMIT='many' must be a whole number" in message


def damage(name, change):
    return pytest.param(name, change, id=f"{name.split('-idx')[0]}-{change.__name__}")


def missing(file):
    file.unlink()


def truncated(file):
    file.write_bytes(file.read_bytes()[:-20])


def truncated_inside(file):
    content = gzip.decompress(file.read_bytes())
    file.write_bytes(gzip.compress(content[:-10]))


def longer(file):
    content = gzip.decompress(file.read_bytes())
    file.write_bytes(gzip.compress(content + b"0123"))


def not_gzip(file):
    file.write_bytes(b"something else entirely")


def empty(file):
    file.write_bytes(b"")


def a_folder(file):
    file.unlink()
    file.mkdir()


def wrong_magic(file):
    write_idx(file, np.zeros((40, 28, 28)), magic=0x12345678)


def fewer_pictures(file):
    write_idx(file, np.zeros((39, 28, 28)))


def huge_count(file):
    write_idx(file, np.zeros((40, 28, 28)), shape=(2**32 - 1, 28, 28))


def label_out_of_range(file):
    write_idx(file, np.full(20, 10))  # the training labels, which give the classes, end at 9


IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *(
            damage(IMAGES, change)
            for change in (
                missing,
                truncated,
                truncated_inside,
                longer,
                not_gzip,
                empty,
                a_folder,
                wrong_magic,
                fewer_pictures,
                huge_count,
            )
        ),
        damage("t10k-labels-idx1-ubyte.gz", label_out_of_range),
        damage(LABELS, missing),
        damage("t10k-images-idx3-ubyte.gz", not_gzip),
    ],
)
def test_damaged_data_are_named(refused, idx, tmp_path, name, change):
    change(idx / name)
    code, message = refused("train", "--dataset", "idx", "--data-dir", idx, *TINY)
    assert code == 2
    assert name.removesuffix("-ubyte.gz") in message
    assert not (tmp_path / "mine").exists()


def test_sound_data_of_the_same_form_are_taken(command, idx, tmp_path):
    code, _, err = command("train", "--dataset", "idx", "--data-dir", idx, *TINY)
    assert code == 0, err
    assert (tmp_path / "mine" / "best.safetensors").is_file()


def test_fashion_mnist_of_another_checksum_is_refused(refused, tmp_path):
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    for file in (bundled_data() / "fashion-mnist").glob("*.gz"):
        (folder / file.name).symlink_to(file)
    labels = folder / LABELS
    content = bytearray(gzip.decompress(labels.read_bytes()))
    content[100] = (content[100] + 1) % 10
    labels.unlink()
    labels.write_bytes(gzip.compress(bytes(content), 1))
    code, message = refused("train", "--data-dir", folder, *TINY)
    assert code == 2
    assert LABELS in message
    assert "MD5" in message or "checksum" in message


def test_missing_data_folder_is_named(refused, tmp_path):
    code, message = refused("train", "--data-dir", "nowhere", *TINY)
    assert code == 2
    assert str(tmp_path / "nowhere") in message
    assert not (tmp_path / "mine").exists()


def test_run_folder_that_exists_is_left_as_it_is(refused, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "last.safetensors").write_text("precious")
    code, message = refused("train", *TINY)
    assert code == 2
    assert str(tmp_path / "mine") in message
    assert "exists" in message
    assert [f.name for f in (tmp_path / "mine").iterdir()] == ["last.safetensors"]
    assert (tmp_path / "mine" / "last.safetensors").read_text() == "precious"


def test_run_folder_below_a_file_is_refused(refused, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, message = refused("train", *TINY[:-1], "file/mine")
    assert code == 2
    assert str(tmp_path / "file" / "mine") in message
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_run_folder_that_cannot_be_written_is_refused(refused, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    code, message = refused("train", *TINY[:-1], "locked/mine")
    assert code == 2
    assert str(tmp_path / "locked" / "mine") in message


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"abc",
        b"no checkpoint at all, but some text",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2**40) + b"{}",
        safetensors(b"{"),
        safetensors(b"[]"),
        safetensors({}),
        safetensors({"fc.bias": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
        safetensors({"fc.bias": {"dtype": "F32", "shape": [2], "data_offsets": [0, 800]}}, bytes(8)),
        safetensors({"fc.bias": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 8]}}, bytes(8)),
        safetensors({"fc.bias": {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
        safetensors({"fc.bias": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}, bytes(8)),
    ],
)
@pytest.mark.parametrize("name", ["evaluate", "predict"])
def test_file_that_is_no_checkpoint_is_named(refused, tmp_path, content, name):
    file = tmp_path / "bad.safetensors"
    file.write_bytes(content)
    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    code, message = refused(name, file, *(["a.png"] if name == "predict" else []))
    assert code == 2
    assert str(file) in message
    assert file.read_bytes() == content


def test_truncated_checkpoint_is_named(refused, trained, tmp_path):
    content = (trained.folder / "last.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[: len(content) // 2])
    code, message = refused("evaluate", "cut.safetensors")
    assert code == 2
    assert "cut.safetensors" in message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"d2l-resnet18", b"d2l-resnet99"),
        (b'"shape":[10,512]', b'"shape":[512,10]'),
        (b'"fc.bias"', b'"fc.boas"'),
    ],
)
def test_checkpoint_of_another_architecture_is_named(refused, trained, tmp_path, old, new):
    content = (trained.folder / "last.safetensors").read_bytes()
    assert old in content
    (tmp_path / "other.safetensors").write_bytes(content.replace(old, new))
    code, message = refused("evaluate", "other.safetensors")
    assert code == 2
    assert "other.safetensors" in message


@pytest.mark.parametrize("name", ["evaluate", "predict", "plot"])
def test_missing_checkpoint_or_run_is_named(refused, name):
    code, message = refused(name, "nothing", *(["a.png"] if name == "predict" else []))
    assert code == 2
    assert "nothing does not exist" in message


def test_folder_without_a_checkpoint_is_named(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    code, message = refused("evaluate", "empty")
    assert code == 2
    assert "folder empty holds no checkpoint" in message


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_file_that_is_no_picture_is_named(refused, trained, tmp_path, content):
    (tmp_path / "bad.png").write_bytes(content)
    code, message = refused("predict", trained.folder, "bad.png")
    assert code == 2
    assert "bad.png" in message


@pytest.mark.parametrize(
    ("file", "content", "part"),
    [
        ("metrics.csv", "epoch,loss\n1,2\n", "lacks the columns step"),
        ("metrics.csv", None, "cannot be read"),
        ("recipe.json", "{", "is not JSON"),
        ("recipe.json", "[]", "must be a JSON object"),
        ("recipe.json", '{"epochs": "two"}', "epochs must be a whole number"),
        ("recipe.json", None, "cannot be read"),
    ],
)
def test_damaged_run_folder_is_named(refused, trained, tmp_path, file, content, part):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("metrics.csv", "recipe.json"):
        (run / name).write_text((trained.folder / name).read_text())
    if content is None:
        (run / file).unlink()
    else:
        (run / file).write_text(content)
    code, message = refused("plot", "run")
    assert code == 2
    assert file in message
    assert part in message


@pytest.mark.parametrize("cells", ["1,8,1,1,1,0.05,oops,1,1,1", "1,8,1", "1,8,1,1,1,1,1,1,1,1,1,1"])
def test_damaged_line_of_metrics_is_named(refused, trained, tmp_path, cells):
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.json").write_text((trained.folder / "recipe.json").read_text())
    header = (trained.folder / "metrics.csv").read_text().splitlines()[0]
    (run / "metrics.csv").write_text(f"{header}\n{cells}\n")
    code, message = refused("plot", "run")
    assert code == 2
    assert "metrics.csv, line 2" in message


def test_figure_of_an_unknown_kind_is_refused_before_anything_is_done(refused, trained):
    for arguments in (["plot", trained.folder, "--out", "a.gif"], ["evaluate", trained.folder, "--figure", "a.gif"]):
        code, message = refused(*arguments)
        assert code == 2
        assert "a.gif must end in .png, .svg, .pdf" in message


def test_several_runs_need_a_file(refused, trained):
    code, message = refused("plot", trained.folder, trained.folder)
    assert code == 2
    assert "--out" in message


@pytest.mark.skipif(os.path.exists("/dev/nvidiactl"), reason="there is a GPU")
@pytest.mark.parametrize("device", ["gpu", "gpu:7"])
def test_device_that_is_not_there_is_named(refused, tmp_path, device):
    code, message = refused("train", "--device", device, *TINY)
    assert code in (1, 2)
    assert device in message
    assert not (tmp_path / "mine").exists()


def test_second_engine_in_a_process_is_refused(refused, jvm):
    code, message = refused("train", "--engine", "mxnet", *TINY)
    assert code == 2
    assert "'pytorch' runs" in message


def test_native_library_that_cannot_be_loaded_is_named(tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    for name in ("libtorch.so", "libtorch_cpu.so", "libc10.so"):
        (library / name).write_bytes(b"no library")
    ran = subprocess.run(
        [sys.executable, "-m", "py_djl_resnet", "train", *TINY],
        cwd=tmp_path,
        env={**os.environ, "PYTORCH_LIBRARY_PATH": str(library), "DJL_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("py-djl-resnet: error: ")
    assert "doctor" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "mine").exists()


def test_training_that_diverges_ends_with_the_step_and_without_a_broken_checkpoint(refused, tmp_path):
    code, message = refused("train", "--lr", "1000", "--limit", "512", "--batch-size", "32", "--out", "mine")
    assert code == 1
    assert "NaN at step" in message
    assert not list((tmp_path / "mine").glob("*.safetensors"))
