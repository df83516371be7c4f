"""Unusable checkpoints and run folders: one line says what is wrong, and nothing is overwritten."""

import os
import re

import pytest

from py_djl_resnet import Run, UsageError, read_landscape

TINY = ("--epochs", "1", "--limit", "64", "--batch-size", "32", "--out", "mine")


def test_existing_run_folder_is_not_overwritten(rejected, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "last.safetensors").write_text("precious")
    code, message = rejected("train", *TINY)
    assert code == 2
    assert str(tmp_path / "mine") in message
    assert "exists" in message
    assert [f.name for f in (tmp_path / "mine").iterdir()] == ["last.safetensors"]
    assert (tmp_path / "mine" / "last.safetensors").read_text() == "precious"


def test_run_folder_below_a_file_is_rejected(rejected, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, message = rejected("train", *TINY[:-1], "file/mine")
    assert code == 2
    assert str(tmp_path / "file" / "mine") in message
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_run_folder_that_is_not_writable_is_rejected(rejected, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    code, message = rejected("train", *TINY[:-1], "locked/mine")
    assert code == 2
    assert str(tmp_path / "locked" / "mine") in message


def test_run_folder_with_too_long_a_name_is_rejected():
    with pytest.raises(UsageError, match=r"run folder x+ cannot be accessed: File name too long"):
        Run.open("x" * 300)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not a valid safetensors file: it has 0 bytes"),
        (b"some text instead of a checkpoint", "is not a safetensors file."),
        (b"\2" + bytes(7) + b"{}", "is a safetensors file, but not a checkpoint of py_djl_resnet"),
    ],
)
def test_file_that_is_not_a_checkpoint_is_rejected(rejected, tmp_path, content, reason):
    file = tmp_path / "bad.safetensors"
    file.write_bytes(content)
    code, message = rejected("evaluate", file)
    assert code == 2
    assert f"{file} {reason}" in message


def test_landscape_of_another_format_is_rejected(tmp_path):
    file = tmp_path / "landscape.json"
    file.write_text('{"format": 2, "grid": [2], "range": [[0, 1]]}')
    with pytest.raises(UsageError, match=f"^{re.escape(str(file))} has another format. Received: 2. Allowed: 1.$"):
        read_landscape(tmp_path)


def test_truncated_checkpoint_is_rejected(rejected, trained, tmp_path):
    content = (trained.folder / "last.safetensors").read_bytes()
    for length in (len(content) // 2, 5000):
        (tmp_path / "cut.safetensors").write_bytes(content[:length])
        code, message = rejected("evaluate", "cut.safetensors")
        assert code == 2
        assert "cut.safetensors is not a valid safetensors file" in message
        assert "it is truncated" in message


def test_export_is_not_a_checkpoint_but_can_be_imported(rejected, trained, tmp_path):
    trained.model.export(tmp_path / "export.safetensors")
    code, message = rejected("predict", "export.safetensors", "a.png")
    assert code == 2
    assert message.endswith("Import it first: py-djl-resnet import FILE --model NAME --out NEW.safetensors")


def test_class_names_that_are_not_utf8_are_rejected(rejected, tmp_path):
    (tmp_path / "names.txt").write_bytes(b"caf\xe9\n")
    code, message = rejected("import", "a", "--model", "b", "--out", "c", "--class-names", "names.txt")
    assert (code, message) == (2, "--class-names names.txt is not text: byte 3 is not UTF-8.")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipe_is_rejected_without_reading(rejected, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "net.safetensors").write_bytes(b"")
    for arguments in (
        ["evaluate", "pipe"],
        ["predict", "pipe", "a.png"],
        ["import", "pipe", "--model", "resnet18", "--out", "ours.safetensors"],
        ["import", "net.safetensors", "--model", "resnet18", "--out", "pipe"],
    ):
        code, message = rejected(*arguments)
        assert code == 2
        assert message.startswith("pipe is a pipe or a device")


def test_folder_without_a_checkpoint_is_rejected(rejected, tmp_path):
    (tmp_path / "empty").mkdir()
    code, message = rejected("evaluate", "empty")
    assert code == 2
    assert "Folder empty has no checkpoint" in message


@pytest.mark.parametrize(
    ("file", "content", "part"),
    [
        ("metrics.csv", "epoch,loss\n1,2\n", "Missing columns: step"),
        ("metrics.csv", None, "cannot be read"),
        ("recipe.json", "{", "is not JSON"),
        ("recipe.json", "[]", "must be a JSON object"),
        ("recipe.json", '{"lr": NaN}', "JSON does not allow NaN"),
        ("recipe.json", None, "cannot be read"),
    ],
)
def test_damaged_run_folder_is_rejected(rejected, trained, tmp_path, file, content, part):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("metrics.csv", "recipe.json"):
        (run / name).write_text((trained.folder / name).read_text())
    if content is None:
        (run / file).unlink()
    else:
        (run / file).write_text(content)
    code, message = rejected("plot", "run")
    assert code == 2
    assert file in message
    assert part in message


@pytest.mark.parametrize("cells", ["1,8,1,1,1,0.05,oops,1,1,1", "1,8,1", "1,8,1,1,1,1,1,1,1,1,1,1"])
def test_damaged_line_of_metrics_is_reported(rejected, trained, tmp_path, cells):
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.json").write_text((trained.folder / "recipe.json").read_text())
    header = (trained.folder / "metrics.csv").read_text().splitlines()[0]
    (run / "metrics.csv").write_text(f"{header}\n{cells}\n")
    code, message = rejected("plot", "run")
    assert code == 2
    assert "metrics.csv, line 2" in message


def test_lfs_pointer_has_one_message(rejected, tmp_path):
    (tmp_path / "p.json").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 44000000\n")
    for arguments in (
        ["train", "--recipe", "p.json"],
        ["evaluate", "p.json"],
        ["import", "p.json", "--model", "resnet18", "--out", "ours.safetensors"],
    ):
        code, message = rejected(*arguments)
        assert code == 2
        assert message.endswith("p.json is a Git LFS pointer, not the file itself. Fetch it with: git lfs pull")
