"""Pickled weights: torch reads them weights-only in another process.

The tests use torch and torchvision if they are installed, else a stand-in for torch on the child's path. torch is never
imported here, because its libraries and DJL's cannot share a process.
"""

import importlib.util
import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from state_files import random_state

from py_djl_resnet import UsageError, create_model

NAME = "cifar-resnet20+option_b"
WITH_TORCH = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("torch", "torchvision", "safetensors")),
    reason="torch, torchvision and safetensors are not installed",
)
# The part of torch that this package uses; its pickles are numpy archives
SAFE = "class serialization: add_safe_globals = staticmethod(lambda classes: None)\n"
STAND_IN = (
    SAFE
    + """
import io
import zipfile
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
    with zipfile.ZipFile(file) as archive, np.load(io.BytesIO(archive.read("net/data.pkl"))) as arrays:
        return {name: Tensor(arrays[name]) for name in arrays}
"""
)


@pytest.fixture(scope="module")
def state():
    with create_model(NAME, in_channels=3, seed=3) as model:
        return random_state(model.state_dict())


def write_pickle(file, arrays):
    """Writes a file that looks like one of torch.save, for the stand-in."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("net/data.pkl", content.getvalue())


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Puts a module named torch with the given text first on the child's path."""

    def put(text):
        (tmp_path / "path").mkdir()
        (tmp_path / "path" / "torch.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))

    return put


def in_torch(program, *arguments):
    done = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pickle_is_read_in_another_process(tmp_path, stand_in, state):
    stand_in(STAND_IN)
    write_pickle(tmp_path / "net.pth", state)
    with create_model(NAME, weights=tmp_path / "net.pth") as model:
        found = model.state_dict()
    for name, array in state.items():
        np.testing.assert_array_equal(found[name], array)
    assert "torch" not in sys.modules


def test_timms_config_next_to_a_pickle_is_used(tmp_path, stand_in, state):
    stand_in(STAND_IN)
    write_pickle(tmp_path / "net.pth", state)
    (tmp_path / "config.json").write_text('{"input_size": [3, 60, 60], "crop_pct": 1.0, "mean": [0.5, 0.5, 0.5]}')
    with create_model(NAME, weights=tmp_path / "net.pth") as model:
        assert model.info["import"]["preprocessing_source"] == "timm"
        assert model.preprocessing["crop"] == {"height": 60, "width": 60}


@pytest.mark.parametrize(
    ("torch", "message"),
    [
        (
            "raise ImportError('No module named torch')",
            "cannot be imported: No module named torch. Run pip install 'py-djl-resnet[torch]'",
        ),
        (
            SAFE
            + "def load(*_, **__): raise ValueError('Two options:\\nUnsupported: GLOBAL os.system was not allowed')",
            "contains os.system. Only tensors are read",
        ),
        (
            SAFE + "def load(*_, **__): raise EOFError('\\x1b[1mends early\\x1b[0m.\\nmore')",
            "cannot be read: ends early. It may",
        ),
        (
            SAFE + "def load(*_, **__): return ['a', 'list']",
            "does not contain a state dict: it contains a list, not tensors by name",
        ),
        (
            STAND_IN.replace("Tensor(arrays[name])", "Tensor(np.broadcast_to(np.float32(0), (2**40,)))"),
            "it declares more than",
        ),
        (SAFE + "Tensor = int\ndef load(*_, **__): return {'a': 'text'}", "its entry 'a' is a str, not a tensor"),
        (SAFE + "import os\ndef load(*_, **__): os._exit(9)", "torch ended with exit code 9 and printed: nothing"),
    ],
)
def test_failure_of_torch_is_reported(rejected, tmp_path, stand_in, torch, message):
    stand_in(torch)
    write_pickle(tmp_path / "net.pth", {"a": np.zeros(3)})
    code, error = rejected("import", "net.pth", "--model", NAME, "--out", "ours.safetensors")
    assert code == 2
    assert error.startswith("net.pth")
    assert message in error
    assert not (tmp_path / "ours.safetensors").exists()


def test_tensors_of_another_network_are_reported_with_the_file(tmp_path, stand_in):
    stand_in(STAND_IN)
    write_pickle(tmp_path / "net.pth", {"a": np.zeros(3)})
    with pytest.raises(
        UsageError,
        match=rf"^{tmp_path}/net.pth does not contain the tensors of a .*1 unexpected: a",
    ):
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
    images = np.random.default_rng(0).random((2, 3, 64, 64), np.float32)
    np.save(tmp_path / "images.npy", images)
    in_torch(SAVE, kind, tmp_path / "net.pth", tmp_path / "theirs.npy", tmp_path / "images.npy")
    theirs = np.load(tmp_path / "theirs.npy")
    with create_model("resnet18", weights=tmp_path / "net.pth") as model:
        ours = model(images)
        assert model.info["import"]["converted"] == ({"F16": 102} if kind == "half" else {})
        model.export(tmp_path / "back.safetensors")
    assert np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max()
    in_torch(LOAD, tmp_path / "back.safetensors", tmp_path / "back.npy", tmp_path / "images.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "back.npy"), theirs)


HARM = """
import os, sys, torch
class Harm:
    def __reduce__(self):
        return os.mkdir, (sys.argv[2],)
torch.save({"conv1.weight": torch.zeros(3), "harm": Harm()}, sys.argv[1])
"""


@WITH_TORCH
def test_code_in_a_pickle_is_not_run(rejected, tmp_path):
    in_torch(HARM, tmp_path / "net.pth", tmp_path / "harmed")
    code, error = rejected("import", "net.pth", "--model", NAME, "--out", "ours.safetensors")
    assert code == 2
    assert "net.pth contains posix.mkdir, and only tensors are read" in error
    assert not (tmp_path / "harmed").exists()


def test_torch_does_not_import_modules_of_this_package(rejected, tmp_path, stand_in):
    """Other projects have modules named datasets and training, too."""
    stand_in("import training")
    write_pickle(tmp_path / "net.pth", {"a": np.zeros(3)})
    _, error = rejected("import", "net.pth", "--model", NAME, "--out", "ours.safetensors")
    assert "No module named 'training'" in error


OTHERS = """
import argparse, sys, torch, torchvision
torch.manual_seed(0)
net = torchvision.models.resnet18(num_classes=7).eval()
state = net.state_dict()
torch.save({"state_dict": state, "args": argparse.Namespace(lr=0.1), "epoch": 3}, "timm.pth.tar")
torch.save({"model": torch.optim.swa_utils.AveragedModel(net).state_dict()}, "averaged.pth")
torch.save(net, "whole.pth")
torch.jit.save(torch.jit.trace(net, torch.zeros(1, 3, 32, 32)), "script.pt")
import numpy as np
np.savez("expected.npz", **{name: tensor.numpy() for name, tensor in state.items()})
"""


@WITH_TORCH
def test_training_script_files_are_read_or_rejected_with_a_fix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    in_torch(OTHERS)
    with np.load("expected.npz") as arrays:
        expected = dict(arrays)

    def assert_right(file):
        with create_model("resnet18", weights=file) as model:
            for name, array in model.state_dict().items():
                np.testing.assert_array_equal(array, expected[name])

    assert_right("timm.pth.tar")
    assert_right("averaged.pth")
    with pytest.raises(
        UsageError, match=r"^whole.pth contains torchvision.models.resnet.ResNet, .* in torch: "
    ) as error:
        create_model("resnet18", weights="whole.pth")
    advice = str(error.value).partition("in torch: ")[2]
    in_torch(f"import torch; model = torch.load('whole.pth', weights_only=False); {advice}")
    assert_right("weights.pth")
    with pytest.raises(UsageError, match=r"script.pt is a TorchScript program. .* with safetensors.torch.save_file.$"):
        create_model("resnet18", weights="script.pt")
    in_torch(
        "import torch; from safetensors.torch import save_file; "
        "save_file(torch.jit.load('script.pt').state_dict(), 'script.safetensors')"
    )
    assert_right("script.safetensors")
