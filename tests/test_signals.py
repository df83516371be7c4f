"""Signals: Ctrl-C, SIGTERM, and a terminal that closes."""

import fcntl
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from interruption import at_import

from py_djl_resnet import load
from py_djl_resnet._process.signals import STOP_AT_END_OF_INPUT

PROJECT = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
SCRIPT = re.search(r'^py-djl-resnet = "(.+)"$', PROJECT, re.M)[1]
ENDLESS = ["train", "--epochs", "1000", "--limit", "256", "--batch-size", "32", "--out", "mine"]


def training(folder, **options):
    """Starts training in a separate process and waits for its first epoch."""
    process = subprocess.Popen(
        [sys.executable, "-m", "py_djl_resnet", *ENDLESS],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    assert process.stdout.readline().startswith("epoch 1/1000: ")
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signal_stops_the_run_and_saves_its_state(tmp_path, number, code):
    process = training(tmp_path)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    (line,) = (line for line in err.splitlines() if line.startswith("py-djl-resnet:"))
    assert err.endswith(f"{line}\n")
    assert re.match(rf"py-djl-resnet: Training was interrupted by {number.name} after \d+ full epochs?", line)
    assert str(tmp_path / "mine" / "last.safetensors") in line
    assert f"Resume with: python -m py_djl_resnet train --resume {shlex.quote(str(tmp_path / 'mine'))}" in line
    with load(tmp_path / "mine" / "last.safetensors") as model:
        assert model.info["step"] >= 8


def test_end_of_input_stops_the_run_and_saves_its_state(tmp_path):
    # as when the study that started it was killed, under nohup and after a first signal
    environment = os.environ | {STOP_AT_END_OF_INPUT: "1"}
    process = training(
        tmp_path,
        stdin=subprocess.PIPE,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    process.communicate(timeout=60)
    assert process.returncode == 129
    with load(tmp_path / "mine" / "last.safetensors") as model:
        assert model.info["step"] >= 8


def test_second_interruption_stops_at_once(tmp_path):
    # a suspended run receives both signals at once when it continues
    process = training(tmp_path)
    process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (130, 143)
    assert "Traceback" not in err
    assert "interrupted" not in err


def test_closed_terminal_stops_the_run_and_saves_its_state(tmp_path):
    # the terminal can no longer be written to, and its shell sends the signal again
    reader, terminal = pty.openpty()
    with open(reader, "rb", buffering=0) as screen:
        process = subprocess.Popen(
            [sys.executable, "-m", "py_djl_resnet", *ENDLESS],
            cwd=tmp_path,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(terminal)
        shown = b""
        while b"epoch 1/1000: " not in shown:
            shown += screen.read(65536)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 129
    with load(tmp_path / "mine" / "last.safetensors") as model:
        assert model.info["step"] >= 8


def test_run_under_nohup_survives_its_terminal(tmp_path):
    script = (
        "import signal\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from py_djl_resnet import Recipe, train\n"
        "recipe = Recipe(model='cifar-resnet20', epochs=2, limit=64, batch_size=64, threads=1)\n"
        "hang_up = lambda row: signal.raise_signal(signal.SIGHUP)\n"
        "run = train(recipe=recipe, out='mine', progress=False, callback=hang_up)\n"
        "print(len(run.history), signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "2 True\n", "")


@pytest.mark.parametrize("module", ["py_djl_resnet.cli", "argparse", "numpy", "jpype", "py_djl_resnet.cli.train"])
@pytest.mark.parametrize("entry", ["module", "script"])
def test_interruption_during_imports_prints_one_line(tmp_path, entry, module):
    command = ["-m", "py_djl_resnet"]
    if entry == "script":  # as written by pip
        home, _, name = SCRIPT.partition(":")
        (tmp_path / "script").write_text(f"import sys\nfrom {home} import {name}\nsys.exit({name}())\n")
        command = [str(tmp_path / "script")]
    path = at_import(tmp_path, module, "signal.raise_signal(signal.SIGINT)")
    ran = subprocess.run(
        [sys.executable, *command, "train", "--help"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "py-djl-resnet: interrupted\n")


def test_ignored_interruptions_stay_ignored_during_imports(tmp_path):
    path = at_import(tmp_path, "numpy", "signal.raise_signal(signal.SIGINT)")
    ran = subprocess.run(
        [sys.executable, "-m", "py_djl_resnet", "train", "--help"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert (ran.returncode, ran.stderr) == (0, "")
