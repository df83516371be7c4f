"""Starting the JVM. A process can start it only once, so most tests use a separate process."""

import os
import signal

import pytest
from processes import run

from py_djl_resnet._java import jvm
from py_djl_resnet.errors import UsageError


def test_import_does_not_start_the_jvm():
    assert run("import jpype, py_djl_resnet._java.jvm; print(jpype.isJVMStarted())") == (0, "False\n", "")


def test_numpy_linear_algebra_works_after_the_start():
    script = """
    import numpy as np
    from py_djl_resnet._java import jvm
    jvm.start()
    matrix = np.random.default_rng(0).random((300, 300))
    print(np.allclose(np.linalg.inv(matrix) @ matrix, np.eye(300)))
    """
    assert run(script) == (0, "True\n", "")


def test_calls_without_an_engine_use_the_running_one(tmp_path):
    script = f"""
    import numpy as np
    import py_djl_resnet as resnet
    from py_djl_resnet._java import jvm
    from py_djl_resnet import datasets, models
    from PIL import Image
    jvm.start("mxnet")
    assert models.available() and datasets.available()
    assert resnet.summarize("d2l-resnet18").layers
    file = r"{tmp_path / "model.safetensors"}"
    with resnet.create_model() as model:
        model.save(file)
    Image.new("L", (28, 28)).save(r"{tmp_path / "a.png"}")
    assert resnet.predict(file, r"{tmp_path / "a.png"}")
    with resnet.load(file) as model:
        print(resnet.evaluate(model, "fashion-mnist", limit=10).confusion_matrix.sum(), jvm.engine())
    assert resnet.evaluate(file, "fashion-mnist", limit=2).confusion_matrix.sum() == 2
    """
    assert run(script) == (0, "10 mxnet\n", "")


def test_more_threads_than_cores_are_reported():
    script = """
    import warnings
    import py_djl_resnet as resnet
    from py_djl_resnet._java import jvm
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", resnet.ResnetWarning)
        resnet.start(threads=jvm.processors() + 1)
        resnet.start(threads=jvm.processors() + 1)
    (warning,) = caught
    cores = jvm.processors()
    assert f"Received: {cores + 1}. Cores: {cores}." in str(warning.message)
    assert warning.filename == "<string>"
    """
    assert run(script) == (0, "", "")


@pytest.mark.parametrize("threads", [0, 1025, 10**20, 1.5])
def test_invalid_number_of_threads_is_rejected(threads):
    with pytest.raises(
        UsageError, match=f'Invalid value for "threads". Received: {threads}. Allowed: a whole number from 1 to 1024'
    ):
        jvm.start(threads=threads)


def test_explicit_start_applies_to_later_calls():
    script = """
    import py_djl_resnet as resnet
    resnet.start(threads=1, device="cpu", offline=True)
    resnet.start()
    for wrong in ({"engine": "mxnet"}, {"threads": 3}, {"device": "tpu"}):
        try:
            resnet.start(**wrong)
        except resnet.UsageError as error:
            print(error)
    """
    code, out, err = run(script)
    engine, threads, device = out.splitlines()
    assert (code, err) == (0, "")
    assert engine.startswith("One process can use only one engine.")
    assert "Received: threads=3, while the engine is running with 1." in threads
    assert device.startswith('Invalid value for "device".')


def test_process_ends_after_a_start_on_a_thread():
    script = """
    import threading
    from py_djl_resnet._java import jvm
    thread = threading.Thread(target=jvm.start)
    thread.start()
    thread.join()
    print(jvm.to_direct_buffer(__import__("numpy").arange(3)).capacity())
    """
    assert run(script) == (0, "24\n", "")


def test_process_ends_while_a_daemon_thread_starts_java():
    # Python's exit amid the start hangs or crashes now and then, so it has to wait for the start
    script = """
    import atexit, sys, threading
    atexit.register(lambda: print("started:", sys.modules["py_djl_resnet._java.jvm"].engine()))
    import jpype
    from py_djl_resnet._java import jvm
    start, begun, exiting = jpype.startJVM, threading.Event(), threading.Event()
    def slow(*options, **more):
        begun.set()
        exiting.wait()
        start(*options, **more)
    jpype.startJVM = slow
    atexit.register(exiting.set)  # handlers run in reverse order
    threading.Thread(target=jvm.start, daemon=True).start()
    begun.wait()
    """
    assert run(script) == (0, "started: pytorch\n", "")


def test_starts_from_many_threads_start_one_jvm():
    script = """
    from concurrent.futures import ThreadPoolExecutor
    from py_djl_resnet._java import jvm
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: jvm.start(), range(8)))
    print(jvm.engine())
    """
    assert run(script) == (0, "pytorch\n", "")


def test_signals_stay_with_python_after_the_start():
    script = """
    import os, signal
    from py_djl_resnet._java import jvm
    signal.signal(signal.SIGTERM, lambda *_: print("handled", flush=True))
    jvm.start()
    os.kill(os.getpid(), signal.SIGTERM)
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
    """
    assert run(script) == (-signal.SIGTERM, "handled\ninterrupted\n", "")


@pytest.mark.skipif(os.name == "nt", reason="a folder in use cannot be deleted there")
def test_deleted_working_directory_is_reported_and_another_one_works(tmp_path):
    script = f"""
    import os
    import py_djl_resnet as resnet
    from py_djl_resnet import models
    os.mkdir({str(tmp_path / "gone")!r})
    os.chdir({str(tmp_path / "gone")!r})
    os.rmdir(os.getcwd())
    try:
        models.available()
    except resnet.EngineError as error:
        print(error)
    os.chdir({str(tmp_path)!r})
    print(len(models.available()) > 0)
    """
    code, out, err = run(script)
    assert (code, err) == (0, "")
    assert out.startswith("The working directory is gone or cannot be read (No such file or directory)")
    assert out.endswith("\nTrue\n")


@pytest.mark.parametrize("failing", [False, True])
def test_interruption_while_java_starts_is_handled_afterwards(failing):
    # JPype has started the JVM, but has not returned yet
    script = f"""
    import signal
    import jpype
    import py_djl_resnet as resnet
    start = jpype.startJVM
    def interrupted(*options, **more):
        start(*options, **more)
        signal.raise_signal(signal.SIGINT)
        if {failing}:
            raise RuntimeError("broken")
    jpype.startJVM = interrupted
    try:
        resnet.create_model("plain20")
    except KeyboardInterrupt:
        print("interrupted")
    try:
        print(resnet.create_model("plain20").info["model"])
    except resnet.EngineError as error:
        print(error)
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("interrupted")
    """
    code, out, err = run(script)
    assert (code, err) == (0, "")
    first, then, last = out.splitlines()
    assert (first, last) == ("interrupted", "interrupted")
    assert "failed to start: broken" in then if failing else then == "plain20"
