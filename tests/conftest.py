"""Shared fixtures."""

import os
import shutil
import signal
import sys

import pytest
from examples import separable
from interruption import SHORT, finish, metrics, start, wait_until

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell's background job ignores it, and the processes that the tests interrupt would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    # nohup ignores it; this handler does nothing either, but is not inherited
    signal.signal(signal.SIGHUP, lambda number, frame: None)

# Java prints these options to standard error, and colours would split the words that tests look for
for variable in ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "FORCE_COLOR"):
    os.environ.pop(variable, None)


@pytest.fixture(scope="session")
def jvm():
    """The module with its JVM running on PyTorch. MXNet needs a separate process."""
    from py_djl_resnet._java import jvm

    jvm.start("pytorch", quiet=True)
    return jvm


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A short run on bundled data with a folder: two epochs on 512 examples."""
    from py_djl_resnet import Recipe, train

    recipe = Recipe(epochs=2, limit=512, batch_size=64)
    return train(recipe=recipe, out=tmp_path_factory.mktemp("runs") / "trained", progress=False)


@pytest.fixture(scope="session")
def arrays():
    """Training and test images and labels of two classes."""
    return (*separable(256, 0), *separable(64, 1))


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    """Runs the command line in this process in an empty folder; returns exit code, stdout and stderr."""
    from py_djl_resnet.cli import main

    monkeypatch.chdir(tmp_path)
    for variable in ("MAX_EPOCH", "DATASET_LIMIT"):
        monkeypatch.delenv(variable, raising=False)

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


@pytest.fixture
def rejected(command):
    """Runs a command that must fail with one line on standard error; returns exit code and line."""

    def run(*arguments):
        code, out, err = command(*arguments)
        assert out == ""
        assert err.count("\n") == 1, err
        assert err.startswith("py-djl-resnet: error: ")
        return code, err.removeprefix("py-djl-resnet: error: ").rstrip("\n")

    return run


@pytest.fixture(scope="session")
def java_kernel(tmp_path_factory):
    """The folder of the Java kernel's spec, registered only for this session's processes."""
    from py_djl_resnet.notebook import kernel

    if lacking := kernel.missing_modules():
        pytest.skip(f"the extra [notebook] is not installed: {', '.join(lacking)}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DATA_DIR", str(tmp_path_factory.mktemp("jupyter")))
        patch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(sys, "prefix", sys.base_prefix)
            folder = kernel.register(quiet=True)
        yield folder


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    finish(start(folder, *SHORT))
    return folder


@pytest.fixture
def run(tmp_path):
    """The path of a new run, which takes a quarter of a gigabyte and is removed afterwards."""
    yield tmp_path / "run"
    shutil.rmtree(tmp_path / "run", ignore_errors=True)


@pytest.fixture
def stopped(run):
    """A run that was stopped after its first epoch."""
    process = start(run, *SHORT)
    assert wait_until(lambda: (run / "metrics.csv").exists() and metrics(run) != [], process)
    process.send_signal(signal.SIGTERM)
    finish(process, 143)
    return run
