"""Standard streams that are full or closed."""

import os
import re
import subprocess
import sys

import pytest

TRAIN = (
    *("train", "--model", "cifar-resnet20", "--limit", "64", "--batch-size", "64", "--epochs", "2", "--threads", "1"),
    *("--out", "mine", "--offline"),
)
UNWRITABLE = "py-djl-resnet: error: Standard output cannot be written: No space left on device.\n"

full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")


def run(folder, redirection, *arguments, start="-m py_djl_resnet"):
    """Runs the command line with a redirection of the shell."""
    command = f'exec "{sys.executable}" {start} "$@" {redirection}'
    return subprocess.run(
        ["sh", "-c", command, "sh", *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )


def is_complete(folder):
    return len((folder / "mine" / "metrics.csv").read_text().splitlines()) == 3


@full
def test_unwritable_progress_does_not_stop_training(tmp_path):
    ran = run(tmp_path, "2>/dev/full", *TRAIN)
    assert ran.returncode == 0
    assert re.fullmatch(
        r"epoch 1/2: .+\nepoch 2/2: .+\nloss .+\n.+ examples/sec\nbest.+\nrun folder: mine\nreport: .+\n", ran.stdout
    )
    assert is_complete(tmp_path)


@full
def test_unwritable_output_is_reported_after_training(tmp_path):
    ran = run(tmp_path, ">/dev/full", *TRAIN)
    assert ran.returncode == 1
    assert ran.stderr == UNWRITABLE
    assert is_complete(tmp_path)


@full
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["models", "--json"], ["--help"]])
def test_unwritable_output_prints_one_line(monkeypatch, tmp_path, arguments, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)  # the error comes at once, or at the final flush
    ran = run(tmp_path, ">/dev/full", *arguments)
    assert (ran.returncode, ran.stderr) == (1, UNWRITABLE)


@full
def test_unwritable_error_keeps_its_exit_code(tmp_path):
    assert run(tmp_path, "2>/dev/full", "train", "--epochs", "0").returncode == 2
    assert run(tmp_path, ">/dev/full 2>/dev/full", "train", "--epochs", "0").returncode == 2


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_training_works_with_closed_streams(tmp_path, redirection):
    ran = run(tmp_path, redirection, *TRAIN)
    assert ran.returncode == 0
    assert "rror" not in ran.stderr
    assert ran.stdout.endswith("run folder: mine\nreport: mine/report.html\n") == (redirection == "2>&-")
    assert is_complete(tmp_path)


@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2>/dev/full", marks=full)])
def test_training_from_python_works_without_standard_error(tmp_path, redirection):
    script = "from py_djl_resnet import Recipe, train\n" + (
        "recipe = Recipe(model='cifar-resnet20', epochs=2, limit=64, batch_size=64, threads=1)\n"
        "print(len(train(recipe=recipe, out='mine').history))\n"
    )
    (tmp_path / "script.py").write_text(script)
    assert run(tmp_path, redirection, start="script.py").stdout == "2\n"


def test_closed_reader_ends_the_command_silently(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as output:
        ran = subprocess.run(
            [sys.executable, "-m", "py_djl_resnet", "models"],
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (ran.returncode, ran.stderr) == (141, "")
