"""Dropped networks are freed; forked children get an error and end. Each test uses a separate process."""

import os
import sys
import textwrap

import processes
import pytest

NETWORK = 45 << 20
"""The size of a d2l-resnet18 in bytes."""

PRELUDE = """
import ctypes, gc, os, sys, threading, warnings
import jpype
import numpy as np
import py_djl_resnet as resnet
warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn about a fork with threads

def resident():
    "Returns the resident bytes of this process, without what Java's collector or malloc keeps for reuse."
    least = float("inf")
    for _ in range(10):  # Java frees buffers of new weights on another thread
        gc.collect()
        jpype.JClass("java.lang.System").gc()
        if hasattr(ctypes.CDLL(None), "malloc_trim"):
            ctypes.CDLL(None).malloc_trim(0)
        with open("/proc/self/statm") as file:
            least = min(least, int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    return least

def growth(use, times=16):
    "Prints how many bytes `times` calls of `use` leak, after four calls to warm up."
    for _ in range(4):
        use()
    before = resident()
    for _ in range(times):
        use()
    print(resident() - before)
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def run(script, folder):
    """Returns the standard output of Python code in a new process, which must succeed without warnings."""
    code, out, err = processes.run(PRELUDE + textwrap.dedent(script), folder)
    assert (code, err) == (0, "")
    return out


@linux
@pytest.mark.parametrize(
    "use",
    [
        "resnet.load('net.safetensors')(x)",
        "resnet.create_model('d2l-resnet18', 1, 10)",
        # dropped by the garbage collector, or by another thread
        "m = resnet.load('net.safetensors'); cycle = [m]; cycle.append(cycle); del m, cycle; gc.collect()",
        "m = [resnet.load('net.safetensors')]; t = threading.Thread(target=m.clear); t.start(); t.join()",
    ],
)
def test_dropped_networks_are_freed(tmp_path, use):
    script = f"""
    x = np.zeros((2, 1, 28, 28), np.float32)
    with resnet.create_model("d2l-resnet18", 1, 10) as model:
        model.save("net.safetensors")

    def use():
        {use}

    growth(use)
    """
    assert int(run(script, tmp_path)) < 3 * NETWORK


@linux
def test_dropped_runs_are_freed(tmp_path):
    script = """
    x, y = np.zeros((8, 1, 28, 28), np.uint8), np.arange(8) % 2
    recipe = resnet.Recipe(epochs=1, batch_size=8)
    growth(lambda: resnet.train(dataset=(x, y, x, y), recipe=recipe, progress=False))
    """
    assert int(run(script, tmp_path)) < 3 * NETWORK


def test_network_in_use_survives_deletion_of_its_name(tmp_path):
    script = """
    x = np.ones((64, 1, 28, 28), np.float32)
    expected = resnet.create_model(seed=3)(x)
    models = [resnet.create_model(seed=3)]
    answers = []
    call = lambda model: answers.append(model(x))
    thread = threading.Thread(target=call, args=models)
    thread.start()
    models.clear()
    gc.collect()
    thread.join()
    print(np.array_equal(answers[0], expected))
    """
    assert run(script, tmp_path) == "True\n"


def test_network_may_outlive_java(tmp_path):
    script = """
    model = resnet.create_model("cifar-resnet20", 1)
    jpype.shutdownJVM()
    del model
    gc.collect()
    print("done")
    """
    assert run(script, tmp_path) == "done\n"


FORK = """
def forked(work, leave):
    "Runs `work` in a forked child, which leaves with `leave(3)`; prints how the child ended."
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            work()
        except resnet.EngineError as error:
            print(str(error)[:36], flush=True)
        leave(3)
    for _ in range(1200):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            print("ended with", os.waitstatus_to_exitcode(status), flush=True)
            return
        threading.Event().wait(0.05)
    os.kill(child, 9)
    os.waitpid(child, 0)
    print("hung", flush=True)
"""

CALLS = {
    "call": "model(x)",
    "state_dict": "model.state_dict()",
    "load_state_dict": "model.load_state_dict(state)",
    "save": "model.save('other.safetensors')",
    "export": "model.export('other.safetensors')",
    "summary": "model.summary((1, 1, 28, 28))",
    "residual_blocks": "model.residual_blocks",
    "close": "model.close()",
    "evaluate": "resnet.evaluate(model, limit=8)",
    "predict": "resnet.predict(model, 'image.png')",
    "bypass_costs": "resnet.bypass_costs(model, limit=8)",
    "load": "resnet.load('net.safetensors')",
    "create_model": "resnet.create_model()",
    "summarize": "resnet.summarize('resnet18')",
    "train": "resnet.train(recipe=resnet.Recipe(epochs=1, limit=8), progress=False)",
    "resume": "resnet.resume('run')",
    "run.model": "run.model(x)",
}


@forks
@pytest.mark.parametrize("engine", ["pytorch", "mxnet"])
def test_every_call_in_a_forked_child_fails(tmp_path, engine):
    script = f"""
    from PIL import Image
    Image.new("L", (28, 28)).save("image.png")
    recipe = resnet.Recipe(epochs=1, limit=8, batch_size=8, engine="{engine}", model="cifar-resnet20")
    run = resnet.train(recipe=recipe, out="run", progress=False)
    model = resnet.create_model("cifar-resnet20", 1, 10)
    model.save("net.safetensors")
    state = model.state_dict()
    x = np.zeros((2, 1, 28, 28), np.float32)
    model(x)
    for work in ({", ".join(f"lambda: {call}" for call in CALLS.values())},):
        forked(work, os._exit)
    print(model(x).shape)
    """
    error = "The JVM does not survive a fork. Sta\nended with 3\n"
    assert run(FORK + textwrap.dedent(script), tmp_path) == len(CALLS) * error + "(2, 10)\n"
    assert not (tmp_path / "other.safetensors").exists()


@forks
@pytest.mark.parametrize("engine", ["pytorch", "mxnet"])
def test_forked_child_that_drops_networks_ends(tmp_path, engine):
    script = f"""
    models = [resnet.create_model("cifar-resnet20", 1, engine="{engine}") for _ in range(3)]
    models[0](np.zeros((2, 1, 28, 28), np.float32))

    def drop():
        models.clear()
        junk = [bytearray(1 << 20) for _ in range(200)]  # makes JPype ask Java to collect as well
        gc.collect()

    for work in (lambda: None, drop, lambda: models[0].state_dict()):
        forked(work, sys.exit)
        forked(work, os._exit)
    print(len(models))
    """
    out = run(FORK + textwrap.dedent(script), tmp_path)
    assert [line for line in out.splitlines() if "JVM" not in line] == 6 * ["ended with 3"] + ["3"]


@forks
def test_child_forked_during_training_ends(tmp_path):
    script = """
    x, y = np.zeros((64, 1, 28, 28), np.uint8), np.arange(64) % 2
    recipe = resnet.Recipe(epochs=1000, batch_size=8, model="cifar-resnet20")
    begun, enough = threading.Event(), threading.Event()

    def followed(row):
        begun.set()
        if enough.is_set():
            raise KeyError

    def train():
        try:
            resnet.train(dataset=(x, y, x, y), recipe=recipe, progress=False, callback=followed)
        except KeyError:
            print("the parent trained on")

    thread = threading.Thread(target=train)
    thread.start()
    begun.wait()
    forked(lambda: resnet.create_model("cifar-resnet20"), sys.exit)
    forked(train, os._exit)
    enough.set()
    thread.join()
    """
    error = "The JVM does not survive a fork. Sta\nended with 3\n"
    assert run(FORK + textwrap.dedent(script), tmp_path) == 2 * error + "the parent trained on\n"


@forks
def test_child_of_a_process_without_java_can_use_it(tmp_path):
    script = "forked(lambda: print(resnet.create_model('cifar-resnet20').name, flush=True), sys.exit)"
    assert run(FORK + script, tmp_path) == "cifar-resnet20\nended with 3\n"
