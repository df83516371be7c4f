"""What goes wrong around a run ends it with a clear error or not at all, and costs no checkpoint."""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from interruption import (
    SETTINGS,
    at_import,
    begins,
    checkpoint,
    differences,
    finish,
    halves,
    metrics,
    start,
    unfinished,
    wait_until,
)

SHORT = (*SETTINGS, "--epochs", "3")
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    finish(start(folder, *SHORT))
    return folder


@pytest.fixture
def run(tmp_path):
    """Where a run is to be; afterwards it is removed, since it takes a quarter of a gigabyte."""
    yield tmp_path / "run"
    shutil.rmtree(tmp_path / "run", ignore_errors=True)


@pytest.fixture
def stopped(run):
    """A run that was stopped when it had an epoch behind it."""
    process = start(run, *SHORT)
    assert wait_until(lambda: (run / "metrics.csv").exists() and metrics(run) != [], process)
    process.send_signal(signal.SIGTERM)
    finish(process, 143)
    return run


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of its own; for root alone, and where root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not ROOT or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m", "none", folder]).returncode:
        pytest.skip("no file system can be mounted")
    yield folder
    subprocess.run(["umount", folder], check=True)


@contextlib.contextmanager
def held(folder):
    """A process that has the lock of a run folder and does nothing."""
    script = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+'); fcntl.lockf(file, fcntl.LOCK_EX); file.truncate(0);"
        "import os; file.write(f'process {os.getpid()} on earth'); file.flush(); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(folder / "run.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        holder.stdout.readline()
        yield holder
        holder.stdin.close()


@contextlib.contextmanager
def suspended(process):
    """A process that stands still, and keeps what it has, such as a lock."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def wait_for_checkpoint(folder, process):
    """Waits until the process has written `last` anew."""

    def version():
        with contextlib.suppress(FileNotFoundError):
            status = (folder / "last.safetensors").stat()
            return status.st_ino, status.st_mtime_ns

    before = version()
    assert wait_until(lambda: version() not in (None, before), process)


def ended(folder, processes):
    """What processes that were begun at once wrote to standard error when all have ended.

    The one that has got the folder stands still until the others have seen so, however late they come to look.
    """
    lock = folder / "run.lock"

    def holders():
        text = lock.read_text() if lock.exists() else ""
        return [process for process in processes if text.startswith(f"process {process.pid} ")]

    assert wait_until(lambda: holders() != [], *processes)
    (holder,) = holders()
    with suspended(holder):
        errors = {process: process.communicate(timeout=300)[1] for process in processes if process is not holder}
    errors[holder] = holder.communicate(timeout=300)[1]
    return [errors[process] for process in processes]


def go_on(folder):
    finish(start(folder, *SHORT))


def the_error(err):
    """The only line of an error."""
    (line,) = [line for line in err.splitlines() if line.startswith("py-djl-resnet: error: ")]
    assert "Traceback" not in err
    return line


def state(folder):
    tensors, metadata = checkpoint(folder / "last.safetensors")
    return tensors, metadata["run"]


def test_comparison_finds_what_differs(whole, run):
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
        "epoch-0001.safetensors is too many",
        "epoch-0003.safetensors is missing",
    ]
    assert found[3] == "best.safetensors: versions"
    assert found[4].removeprefix("last.previous.safetensors: ") in state(whole)[0]
    assert found[5:] == ["recipe.json"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_stopped_by_signals_ends_with_the_same_bytes(whole, run, number):
    moments = random.Random(number)
    for _ in range(2):
        before = begins(run)
        process = start(run, *SHORT)
        steps = state(run)[1]["step"] if before else 0
        assert wait_until(lambda begun=before: begins(run) > begun, process)
        # of fifteen checkpoints, so that the run is not over by then
        for _ in range(moments.randrange(5)):
            wait_for_checkpoint(run, process)
        process.send_signal(number)
        finish(process, 128 + number)
        assert state(run)[1]["step"] >= steps
        assert halves(run) == []
    go_on(run)
    assert differences(whole, run) == []


def test_run_suspended_while_it_writes_a_checkpoint_ends_with_the_same_bytes(whole, run):
    process = start(run, *SHORT)
    times = 0
    while times < 3:
        assert wait_until(lambda: unfinished(run, process) != [], process)
        with suspended(process):
            if sizes := {file: file.stat().st_size for file in unfinished(run, process)}:
                time.sleep(1)
                assert {file: file.stat().st_size for file in unfinished(run, process)} == sizes
                times += 1
        assert wait_until(lambda before=sizes: not before.keys() & {*unfinished(run, process)}, process)
    finish(process)
    assert differences(whole, run) == []


def test_java_out_of_memory_is_told_and_costs_no_checkpoint(whole, stopped, monkeypatch):
    before = state(stopped)
    monkeypatch.setenv("PY_DJL_RESNET_HEAP", "24m")
    line = the_error(finish(start(stopped, *SHORT), 1))
    assert "Java's heap is full" in line
    assert "PY_DJL_RESNET_HEAP" in line
    monkeypatch.delenv("PY_DJL_RESNET_HEAP")
    assert state(stopped) == before
    go_on(stopped)
    assert differences(whole, stopped) == []


def test_heap_that_is_full_in_the_midst_of_a_training_costs_no_checkpoint(tmp_path):
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
    assert "EngineError: Java's heap is full" in full.stderr
    assert 1 <= len(metrics(run)) < 12
    assert halves(run) == []
    done = ran(f"resume({str(run)!r}, dataset=arrays, progress=False)", "1g")
    assert done.returncode == 0, done.stderr
    assert differences(whole, run) == []


def test_file_size_limit_ends_the_run_and_keeps_what_was_written(whole, stopped):
    before, rows = state(stopped), metrics(stopped)
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000_000, 50_000_000));"
        "from py_djl_resnet.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", script, "train", "--resume", str(stopped), "--quiet"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 1
    line = the_error(ran.stderr)
    assert f"{stopped / 'last.safetensors'} cannot be written" in line
    assert "File too large" in line
    assert "Checkpoints written before are whole" in line
    assert state(stopped) == before
    assert metrics(stopped) == rows
    assert halves(stopped) == []
    go_on(stopped)
    assert differences(whole, stopped) == []


def test_full_disk_ends_the_run_and_keeps_what_was_written(whole, small_disk):
    run = small_disk / "run"
    line = the_error(finish(start(run, *SHORT), 1))
    assert "No space left on device" in line
    assert state(run)[1]["step"] == 1
    assert metrics(run) == []
    assert halves(run) == []
    subprocess.run(["mount", "-o", "remount,size=800m", small_disk], check=True)
    go_on(run)
    assert differences(whole, run) == []


def test_folder_that_cannot_be_written_is_told_when_a_run_is_to_go_on(small_disk):
    run = small_disk / "run"
    finish(start(run, *SHORT), 1)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    line = the_error(finish(start(run, *SHORT), 2))
    assert f"Cannot write to the run folder {run}" in line
    assert "Read-only" in line


@contextlib.contextmanager
def read_only(folder):
    """A folder in which nothing can be made or removed, not even by root, who may write where the mode forbids it."""
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
    go_on(run)
    assert differences(whole, run) == []


def test_folder_deleted_under_the_run_is_told_and_does_not_come_back(run):
    process = start(run, *SHORT)
    assert wait_until((run / "last.safetensors").exists, process)
    while run.exists():
        shutil.rmtree(run, ignore_errors=True)
    line = the_error(finish(process, 1))
    assert str(run) in line
    assert not run.exists()


def test_lock_says_who_holds_it_and_ends_with_its_holder(whole, run):
    holder = start(run, *SHORT)
    assert wait_until(lambda: begins(run) == 1, holder)
    with suspended(holder):
        line = the_error(finish(start(run, *SHORT), 2))
        assert holder.poll() is None
    assert f"is being written by another run: process {holder.pid} on " in line
    holder.kill()
    holder.communicate()
    go_on(run)
    assert differences(whole, run) == []


def test_of_runs_begun_at_once_in_one_folder_one_goes_on(whole, run):
    processes = [start(run, *SHORT) for _ in range(3)]
    errors = ended(run, processes)
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 2, 2]
    for code, err in zip(codes, errors, strict=True):
        if code:
            assert str(run) in the_error(err)
    assert differences(whole, run) == []


def test_run_waits_for_the_lock_and_goes_on_when_its_holder_dies(whole, run):
    holder = start(run, *SHORT)
    assert wait_until((run / "last.safetensors").exists, holder)
    begun = begins(run)
    with suspended(holder):
        waiting = start(run, *SHORT, "--wait-for-lock", "300")
        told = waiting.stderr.readline()
        holder.kill()
        holder.communicate()
    assert told.startswith("py-djl-resnet: waiting for up to 300 s: ")
    assert f"run folder {run} is being written by another run: process {holder.pid} on " in told
    assert finish(waiting) == ""
    assert begins(run) == begun + 1
    assert differences(whole, run) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_that_waits_for_the_lock_can_be_interrupted(stopped, number):
    before = state(stopped)
    with held(stopped) as holder:
        waiting = start(stopped, *SHORT, "--wait-for-lock", "300")
        assert f"process {holder.pid} on " in waiting.stderr.readline()
        waiting.send_signal(number)
        err = finish(waiting, 130 if number == signal.SIGINT else -number)
        assert err == ("py-djl-resnet: interrupted\n" if number == signal.SIGINT else "")
    assert state(stopped) == before


def test_waiting_for_the_lock_ends_with_its_seconds(stopped):
    with held(stopped) as holder:
        err = finish(start(stopped, *SHORT, "--wait-for-lock", "1"), 2)
    assert f"process {holder.pid} on " in the_error(err)
    assert err.startswith("py-djl-resnet: waiting for up to 1 s: ")


def test_of_two_that_go_on_with_a_run_at_once_one_does(whole, stopped):
    processes = [start(stopped, *SHORT) for _ in range(2)]
    errors = ended(stopped, processes)
    assert sorted(process.returncode for process in processes) == [0, 2]
    (refusal,) = [err for err in errors if err]
    assert "is being written by another run: process " in the_error(refusal)
    assert differences(whole, stopped) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_at_the_start_are_no_failure(whole, run, tmp_path, monkeypatch, number):
    """From the first moment of the process on; what had begun goes on to the same bytes.

    While Python itself starts, before a line of ours has run, Ctrl-C is Python's: it waits for our imports.
    """
    began = tmp_path / "began"
    monkeypatch.setenv("PYTHONPATH", at_import(tmp_path, "py_djl_resnet.cli", f"pathlib.Path({str(began)!r}).touch()"))
    moments = random.Random(number)
    for delay in (0, 0.3 * moments.random(), 0.3 * moments.random(), *(2.5 * moments.random() for _ in range(3))):
        began.unlink(missing_ok=True)
        process = start(run, *SHORT)
        assert number == signal.SIGTERM or wait_until(began.exists, process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        process.send_signal(number)
        _, err = process.communicate(timeout=300)
        # 0: the run was over before the signal came; a training that has begun ends on SIGTERM with 143
        codes = (130, 0) if number == signal.SIGINT else (-number, 143, 0)
        assert process.returncode in codes, err
        assert "Traceback" not in err
        assert "py-djl-resnet: error" not in err
        assert err.count("\n") <= 1
    go_on(run)
    assert differences(whole, run) == []
