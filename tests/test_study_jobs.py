"""The processes that train the runs of a study, as seen by runs that train nothing."""

import os
import signal
import subprocess
import sys
import time

import pytest

from py_djl_resnet import Recipe, ResnetError
from py_djl_resnet._study.processes import Job, train_in_processes

#: Trains two runs at once, with a program in place of Python.
STUDY = """
import sys
from pathlib import Path
from py_djl_resnet import Recipe
from py_djl_resnet._study.processes import Job, train_in_processes
sys.executable = sys.argv[1]
train_in_processes([Job(name, Recipe(), Path(name)) for name in ("a", "b")], 2, 7, print)
"""
#: A program that writes how it was started, and then signals and the end of its input.
RUN = """#!{python}
import os, signal, sys
def add(line):
    with open(sys.argv[sys.argv.index("--out") + 1], "a") as file:
        file.write(line + "\\n")
def stop(number, frame):
    add(signal.Signals(number).name)
    if number == signal.SIGTERM:
        sys.exit(143)
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
add(" ".join(sys.argv[sys.argv.index("--out") + 2:]))
sys.stdin.read()
add("end of input" if "PY_DJL_RESNET_STOP_AT_END_OF_INPUT" in os.environ else "ignored")
"""


@pytest.fixture
def study(tmp_path):
    """A process that trains the runs `a` and `b`, with the lines of both."""
    program = tmp_path / "program"
    program.write_text(RUN.format(python=sys.executable))
    program.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-c", STUDY, program], cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield (
            process,
            lambda: [
                file.read_text().splitlines() if file.exists() else [] for file in (tmp_path / "a", tmp_path / "b")
            ],
        )
        process.kill()


def wait_for(count, lines):
    """Waits until both runs have written so many lines, and returns them."""
    deadline = time.monotonic() + 60
    while any(len(written) < count for written in lines()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return lines()


def test_runs_notice_that_their_study_was_killed(study):
    process, lines = study
    wait_for(1, lines)
    process.kill()
    assert wait_for(2, lines) == [["--resume auto --wait-for-lock 7", "end of input"]] * 2


def test_runs_get_one_signal_when_their_terminal_sends_it_to_all(study):
    process, lines = study
    wait_for(1, lines)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert out.endswith("The study was interrupted. Its state is saved. Repeat the command to resume.\n")
    assert [written[1:] for written in lines()] == [["SIGTERM"]] * 2


@pytest.mark.parametrize(
    ("error", "code", "trained"),
    [
        ("The loss became NaN at step 1. Start a new run with a lower learning rate or a warm-up.", 1, ["a", "b"]),
        ("File x cannot be written: No space left on device.", 1, ["a"]),
        ("Data set x does not exist.", 2, ["a"]),
    ],
)
def test_no_run_begins_after_a_full_disk_or_wrong_input(monkeypatch, tmp_path, error, code, trained):
    process = tmp_path / "process"
    process.write_text(f"#!/bin/sh\necho 'py-djl-resnet: error: {error}' >&2\nexit {code}\n")
    process.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(process))
    jobs = [Job(name, Recipe(), tmp_path / name) for name in ("a", "b")]
    begun = []
    if len(trained) == 2:
        assert train_in_processes(jobs, 1, 1, begun.append) == [f"{name}: {error}" for name in trained]
    else:
        with pytest.raises(ResnetError, match=f"^a: {error}$") as raised:
            train_in_processes(jobs, 1, 1, begun.append)
        assert raised.value.exit_code == code
    assert [line for line in begun if line in ("a", "b")] == trained
