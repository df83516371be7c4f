"""Faults around a run end it with a clear error or not at all, and never cost a checkpoint."""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys

import pytest
from interruption import (
    SHORT,
    at_import,
    begins,
    complete,
    differences,
    finish,
    halves,
    metrics,
    start,
    state,
    suspended,
    the_error,
    wait_until,
)

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def own_disk(tmp_path):
    """A folder on a separate file system of 800 MB, if this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not ROOT or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=800m", "none", folder]).returncode:
        pytest.skip("no file system can be mounted")
    yield folder
    subprocess.run(["umount", folder], check=True)


def wait_for_checkpoint(folder, process):
    """Waits until the process has written `last` again."""

    def version():
        with contextlib.suppress(FileNotFoundError):
            status = (folder / "last.safetensors").stat()
            return status.st_ino, status.st_mtime_ns

    before = version()
    assert wait_until(lambda: version() not in (None, before), process)


def test_differences_finds_every_kind_of_difference(whole, run):
    shutil.copytree(whole, run, copy_function=os.link)
    assert differences(whole, run) == []

    def change(name, old, new):
        content = (whole / name).read_bytes()
        assert old in content
        (run / name).unlink()
        (run / name).write_bytes(content.replace(old, new, 1))

    change("recipe.json", b'"keep": 2', b'"keep": 3')
    change("best.safetensors", b'\\"djl\\":\\"0', b'\\"djl\\":\\"9')
    last = (whole / "last.previous.safetensors").read_bytes()
    change("last.previous.safetensors", last[-40:], last[-40:-1] + bytes([last[-1] ^ 1]))
    (run / "epoch-0003.safetensors").unlink()
    (run / "epoch-0001.safetensors").touch()
    (run / ".last.previous.tmp").touch()
    found = differences(whole, run)
    assert found[:3] == [
        ".last.previous.tmp is left",
        "epoch-0001.safetensors is extra",
        "epoch-0003.safetensors is missing",
    ]
    assert found[3] == "best.safetensors: versions"
    assert found[4].removeprefix("last.previous.safetensors: ") in state(whole)[0]
    assert found[5:] == ["recipe.json"]


def test_run_stopped_by_signals_ends_with_the_same_bytes(whole, run):
    moments = random.Random(1)
    for number in (signal.SIGINT, signal.SIGTERM):
        before = begins(run)
        process = start(run, *SHORT)
        steps = state(run)[1]["step"] if before else 0
        assert wait_until(lambda begun=before: begins(run) > begun, process)
        # of fifteen checkpoints, so that the run is not over yet
        for _ in range(moments.randrange(5)):
            wait_for_checkpoint(run, process)
        process.send_signal(number)
        finish(process, 128 + number)
        assert state(run)[1]["step"] >= steps
        assert halves(run) == []
    complete(run)
    assert differences(whole, run) == []


def test_full_heap_is_reported_and_loses_no_checkpoint(whole, stopped, monkeypatch):
    before = state(stopped)
    monkeypatch.setenv("PY_DJL_RESNET_HEAP", "24m")
    line = the_error(finish(start(stopped, *SHORT), 1))
    assert "The Java heap is full" in line
    assert "PY_DJL_RESNET_HEAP" in line
    monkeypatch.delenv("PY_DJL_RESNET_HEAP")
    assert state(stopped) == before
    complete(stopped)
    assert differences(whole, stopped) == []


@pytest.mark.slow
def test_full_heap_during_training_loses_no_checkpoint(tmp_path):
    def ran(call, heap):
        script = (
            "import contextlib, jpype, py_djl_resnet\n"
            "from py_djl_resnet import Recipe, resume, train\n"
            "from examples import separable\n"
            "arrays = (*separable(128, 1), *separable(64, 2))\n"
            "recipe = Recipe(epochs=12, batch_size=32, lr=0.01, image_size=8, checkpoint_every='1')\n"
            "taken = []\n"
            "def fill(row):\n"
            "    for size in (1 << 20, 1 << 16, 1 << 12) if row['epoch'] == 2 else ():\n"
            "        with contextlib.suppress(jpype.JException):\n"
            "            while True:\n"
            "                taken.append(jpype.JByte[size])\n"
            f"{call}\n"
        )
        return subprocess.run(
            [sys.executable, "-c", script],
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path]),
                "PY_DJL_RESNET_HEAP": heap,
            },
            capture_output=True,
            text=True,
            timeout=180,
        )

    whole, run = tmp_path / "whole", tmp_path / "run"
    done = ran(f"train(dataset=arrays, recipe=recipe, out={str(whole)!r}, progress=False)", "1g")
    assert done.returncode == 0, done.stderr
    full = ran(f"train(dataset=arrays, recipe=recipe, out={str(run)!r}, progress=False, callback=fill)", "48m")
    assert full.returncode == 1
    assert "EngineError: The Java heap is full" in full.stderr
    assert 1 <= len(metrics(run)) < 12
    assert halves(run) == []
    done = ran(f"resume({str(run)!r}, dataset=arrays, progress=False)", "1g")
    assert done.returncode == 0, done.stderr
    assert differences(whole, run) == []


def test_file_size_limit_ends_the_run_and_keeps_its_checkpoints(whole, stopped):
    before, rows = state(stopped), metrics(stopped)
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000_000, 50_000_000));"
        "from py_djl_resnet.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", script, "train", "--resume", str(stopped), "--quiet"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 1
    line = the_error(ran.stderr)
    assert f"Cannot write the checkpoint {stopped / 'last.safetensors'}" in line
    assert "File too large" in line
    assert "Earlier checkpoints are intact" in line
    assert state(stopped) == before
    assert metrics(stopped) == rows
    assert halves(stopped) == []
    complete(stopped)
    assert differences(whole, stopped) == []


def test_disk_that_is_full_fails_evaluate_and_export_as_it_does_train(trained, tmp_path):
    run = str(trained.folder)
    exports = [["export", run, "--format", form, "--out", f"net.{form}"] for form in ("safetensors", "djl", "onnx")]
    commands = [["evaluate", run, "--limit", "10", "--figure", "matrix.png"], *exports]
    script = (
        "import resource; from py_djl_resnet import start; from py_djl_resnet.cli import main\n"
        "start(); resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        f"for command in {commands}: print('exit code', main(command))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout.count("exit code 1\n") == 4, ran.stderr
    assert [line.startswith("py-djl-resnet: error: ") for line in ran.stderr.splitlines()] == [True] * 4
    assert ran.stderr.count("File too large") == 4
    assert list(tmp_path.iterdir()) == []


def test_too_little_disk_space_is_rejected_before_the_first_step(own_disk):
    subprocess.run(["mount", "-o", "remount,size=150m", own_disk], check=True)
    line = the_error(finish(start(own_disk / "run", *SHORT), 1))
    assert "not have enough free space" in line
    assert "Needed: " in line
    assert not (own_disk / "run" / "last.safetensors").exists()


def test_full_disk_ends_the_run_and_keeps_its_checkpoints(whole, own_disk):
    run, filler = own_disk / "run", own_disk / "filler"
    process = start(run, *SHORT)
    assert wait_until((run / "last.safetensors").exists, process)
    with suspended(process), filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 20))
    line = the_error(finish(process, 1))
    assert "No space left on device" in line
    assert halves(run) == []
    filler.unlink()
    assert state(run)[1]["step"] >= 1
    complete(run)
    assert differences(whole, run) == []


@contextlib.contextmanager
def read_only(folder):
    """Makes a folder read-only, also for root, who may write regardless of the mode."""
    if ROOT:
        done = subprocess.run(["chattr", "+i", folder], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"root can make no folder read-only here: {done.stderr}")
    else:
        folder.chmod(0o500)
    try:
        yield
    finally:
        if ROOT:
            subprocess.run(["chattr", "-i", folder], check=True)
        else:
            folder.chmod(0o700)


def test_folder_that_becomes_read_only_ends_the_run(whole, run):
    process = start(run, *SHORT)
    assert wait_until((run / "last.safetensors").exists, process)
    with contextlib.ExitStack() as later:
        with suspended(process):
            later.enter_context(read_only(run))
        line = the_error(finish(process, 1))
        before = state(run)
    assert re.search("cannot be written|Cannot write", line)
    assert str(run) in line
    assert state(run) == before
    complete(run)
    assert differences(whole, run) == []


def test_folder_deleted_during_the_run_is_not_created_again(run):
    process = start(run, *SHORT)
    assert wait_until((run / "last.safetensors").exists, process)
    while run.exists():
        shutil.rmtree(run, ignore_errors=True)
    line = the_error(finish(process, 1))
    assert str(run) in line
    assert not run.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_at_the_start_end_the_run_cleanly(whole, run, tmp_path, monkeypatch, number):
    """The run can be resumed to the same bytes.

    Ctrl-C is only sent from our imports on: while Python itself starts, Python handles it.
    """
    began = tmp_path / "began"
    monkeypatch.setenv("PYTHONPATH", at_import(tmp_path, "py_djl_resnet.cli", f"pathlib.Path({str(began)!r}).touch()"))
    moments = random.Random(number)
    for delay in (0, 0.3 * moments.random(), *(2.5 * moments.random() for _ in range(2))):
        began.unlink(missing_ok=True)
        process = start(run, *SHORT)
        assert number == signal.SIGTERM or wait_until(began.exists, process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        process.send_signal(number)
        _, err = process.communicate(timeout=300)
        # 0: the run ended before the signal; 143: SIGTERM during the training
        codes = (130, 0) if number == signal.SIGINT else (-number, 143, 0)
        assert process.returncode in codes, err
        assert "Traceback" not in err
        assert "py-djl-resnet: error" not in err
        assert err.count("\n") <= 1
    complete(run)
    assert differences(whole, run) == []
