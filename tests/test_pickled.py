"""Pickled weights: read weights-only by torch, in a process of its own, or not at all.

With torch and torchvision installed the tests use them; without, a stand-in for torch on the child's path holds
what is asked of it. torch is never imported here: its libraries and those of DJL do not share a process.
"""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from state_files import random_state

from py_djl_resnet import UsageError, create_model

NAME = "cifar-resnet20+option_b"
WITH_TORCH = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("torch", "torchvision", "safetensors")),
    reason="needs torch, torchvision and safetensors, gigabytes of them",
)
# Like torch.load as far as this package uses it: checks what it is asked for, and reads arrays of numpy
STAND_IN = """
import pickle
import numpy as np

class Tensor:
    layout = "torch.strided"

    def __init__(self, array):
        self.array = array
        self.dtype = f"torch.{array.dtype.name}"
        self.shape = array.shape

    def numel(self):
        return self.array.size

    def element_size(self):
        return self.array.itemsize

    def detach(self):
        return self

    contiguous = detach

    def reshape(self, *_):
        return Tensor(self.array.reshape(-1))

    def view(self, kind):
        return Tensor(self.array.view(kind))

    def numpy(self):
        return self.array

uint8 = np.uint8

def load(file, *, map_location, weights_only):
    assert map_location == "cpu"
    assert weights_only is True
    with np.load(file) as arrays:
        return {name: Tensor(arrays[name]) for name in arrays}
"""


@pytest.fixture(scope="module")
def state():
    with create_model(NAME, in_channels=3, seed=3) as model:
        return random_state(model.state_dict())


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Puts a module named torch with the given text before all others of the child."""

    def put(text):
        (tmp_path / "path").mkdir()
        (tmp_path / "path" / "torch.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))

    return put


def in_torch(program, *arguments):
    done = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_tensors_come_through_a_process_of_its_own(tmp_path, stand_in, state):
    stand_in(STAND_IN)
    np.savez(tmp_path / "net.npz", **state)
    (tmp_path / "net.npz").rename(tmp_path / "net.pth")
    with create_model(NAME, weights=tmp_path / "net.pth") as model:
        found = model.state_dict()
    for name, array in state.items():
        np.testing.assert_array_equal(found[name], array)
    assert "torch" not in sys.modules


@pytest.mark.parametrize(
    ("torch", "message"),
    [
        (
            "raise ImportError('No module named torch')",
            r"No module named torch\): pip install 'py-djl-resnet\[torch\]'",
        ),
        ("def load(*_, **__): raise ValueError('Unsupported class os.system\\nUse weights_only=False')", "os.system;"),
        ("def load(*_, **__): return ['a', 'list']", "holds no state dict: it holds a list, not tensors by name"),
        ("Tensor = int\ndef load(*_, **__): return {'a': 'text'}", "its entry 'a' is a str, not a tensor"),
        ("import os\ndef load(*_, **__): os._exit(9)", "torch ended with 9 while reading it; it said: nothing"),
        (
            STAND_IN.replace("Tensor(arrays[name])", "Tensor(np.broadcast_to(np.float32(0), (2**40,)))"),
            "it announces tensors of more than",
        ),
    ],
)
def test_file_that_torch_does_not_give_is_named(refused, tmp_path, stand_in, torch, message):
    stand_in(torch)
    np.savez(tmp_path / "net.npz", a=np.zeros(3))
    (tmp_path / "net.npz").rename(tmp_path / "net.pth")
    code, error = refused("import", "net.pth", "--model", NAME, "--out", "ours.safetensors")
    assert code == 2
    assert error.startswith("net.pth")
    assert message.replace("\\", "") in error
    assert not (tmp_path / "ours.safetensors").exists()


def test_tensors_that_are_not_the_networks_are_told_of_the_file(tmp_path, stand_in):
    stand_in(STAND_IN)
    np.savez(tmp_path / "net.npz", a=np.zeros(3))
    (tmp_path / "net.npz").rename(tmp_path / "net.pth")
    with pytest.raises(UsageError, match=rf"^{tmp_path}/net.pth does not contain the tensors of a .*1 superfluous: a"):
        create_model(NAME, weights=tmp_path / "net.pth")


SAVE = """
import sys, torch, torchvision
kind, file, answers, inputs = sys.argv[1:]
torch.manual_seed(0)
net = torchvision.models.resnet18(num_classes=7)
for module in net.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        module.running_mean.normal_(0, 0.1)
        module.running_var.uniform_(0.5, 1.5)
        module.num_batches_tracked.fill_(12)
state = net.state_dict()
if kind == "half":
    state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    net.load_state_dict(state)
    state = {"epoch": 3, "state_dict": {"module." + k: v for k, v in state.items()}}
torch.save(state, file, _use_new_zipfile_serialization=kind != "legacy")
import numpy as np
net.eval()
with torch.no_grad():
    np.save(answers, net(torch.from_numpy(np.load(inputs))).numpy())
"""
LOAD = """
import sys, numpy as np, torch, torchvision
from safetensors.torch import load_file
file, answers, inputs = sys.argv[1:]
net = torchvision.models.resnet18(num_classes=7)
state = load_file(file)
net.load_state_dict(state)
assert state["bn1.num_batches_tracked"] == 12, state["bn1.num_batches_tracked"]
net.eval()
with torch.no_grad():
    np.save(answers, net(torch.from_numpy(np.load(inputs))).numpy())
"""


@WITH_TORCH
@pytest.mark.parametrize("kind", ["zip", "legacy", "half"])
def test_torchvisions_network_computes_the_same_here_and_back_there(tmp_path, kind):
    pictures = np.random.default_rng(0).random((2, 3, 64, 64), np.float32)
    np.save(tmp_path / "pictures.npy", pictures)
    in_torch(SAVE, kind, tmp_path / "net.pth", tmp_path / "theirs.npy", tmp_path / "pictures.npy")
    theirs = np.load(tmp_path / "theirs.npy")
    with create_model("resnet18", weights=tmp_path / "net.pth") as model:
        ours = model(pictures)
        assert model.info["import"]["converted"] == ({"F16": 102} if kind == "half" else {})
        model.export(tmp_path / "back.safetensors")
    assert np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max()
    in_torch(LOAD, tmp_path / "back.safetensors", tmp_path / "back.npy", tmp_path / "pictures.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "back.npy"), theirs)


HARM = """
import os, sys, torch
class Harm:
    def __reduce__(self):
        return os.mkdir, (sys.argv[2],)
torch.save({"conv1.weight": torch.zeros(3), "harm": Harm()}, sys.argv[1])
"""


@WITH_TORCH
def test_pickle_that_would_run_something_runs_nothing(refused, tmp_path):
    in_torch(HARM, tmp_path / "net.pth", tmp_path / "harmed")
    code, error = refused("import", "net.pth", "--model", NAME, "--out", "ours.safetensors")
    assert code == 2
    assert "net.pth cannot be read weights-only" in error
    assert not (tmp_path / "harmed").exists()


@WITH_TORCH
def test_expanded_tensor_of_a_few_bytes_is_not_written_out(refused, tmp_path):
    in_torch("import sys, torch; torch.save({'a': torch.zeros(1).expand(10**10)}, sys.argv[1])", tmp_path / "net.pth")
    code, error = refused("import", "net.pth", "--model", NAME, "--out", "ours.safetensors")
    assert code == 2
    assert "it announces tensors of more than" in error


def test_modules_of_this_package_do_not_stand_for_those_that_torch_means(refused, tmp_path, stand_in):
    """The child's program lies beside modules named datasets and training, which others have, too."""
    stand_in("import training")
    np.savez(tmp_path / "net.npz", a=np.zeros(3))
    (tmp_path / "net.npz").rename(tmp_path / "net.pth")
    _, error = refused("import", "net.pth", "--model", NAME, "--out", "ours.safetensors")
    assert "(No module named 'training')" in error
