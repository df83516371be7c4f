"""ONNX files against the networks they were made of, computed by onnxruntime."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from state_files import random_state

from py_djl_resnet import UsageError, create_model

# one of each arrangement: the size is odd where something depends on it
NETWORKS = [
    ("d2l-resnet18", 1, 28),
    ("resnet18", 3, 45),
    ("resnet50", 3, 33),
    ("resnet50+stride_in_1x1+deep_stem+pooled_shortcut", 3, 45),
    ("resnet18+pooled_shortcut", 3, 9),  # its last pooling has a map of one number
    ("resnext50_32x4d", 3, 33),
    ("preact-resnet18", 3, 45),
    ("preact-resnet164", 3, 19),
    ("cifar-resnet20", 3, 21),
    ("cifar-resnet20+option_b", 2, 21),
    ("plain20", 3, 21),
    ("study-resnet20", 3, 21),
    ("study-plain20", 3, 21),
]


def run(file, pictures):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"input": pictures})[0]


def operations(file):
    return [node.op_type for node in onnx.load(str(file)).graph.node]


@pytest.mark.parametrize(("name", "channels", "size"), NETWORKS)
def test_onnxruntime_computes_what_the_network_does(tmp_path, name, channels, size):
    pictures = np.random.default_rng(1).random((3, channels, size, size), np.float32)
    with create_model(name, channels, 5) as model:
        model.load_state_dict(random_state(model.state_dict()))
        expected = model(pictures)
        model.export(tmp_path / "plain.onnx", "onnx")
        model.export(tmp_path / "folded.onnx", "onnx", fold=True)
    assert np.ptp(expected) > 0
    for file in ("plain.onnx", "folded.onnx"):
        onnx.checker.check_model(str(tmp_path / file), full_check=True)
        computed = run(tmp_path / file, pictures)
        assert np.abs(computed - expected).max() < 1e-4 * np.abs(expected).max(), file
        # the same file for another number of pictures
        np.testing.assert_allclose(run(tmp_path / file, pictures[:1]), computed[:1], rtol=1e-3, atol=1e-4)
    plain, folded = operations(tmp_path / "plain.onnx"), operations(tmp_path / "folded.onnx")
    assert plain.count("Conv") == folded.count("Conv")
    # with pre-activation a BatchNorm after a sum has no convolution to become part of
    assert ("BatchNormalization" in folded) == name.startswith("preact")
    assert folded.count("BatchNormalization") < plain.count("BatchNormalization")


def test_file_tells_of_inputs_and_classes(tmp_path):
    with create_model("cifar-resnet20", 3, class_names=["a", "b"]) as model:
        model.export(tmp_path / "net.onnx", "onnx")
    built = onnx.load(str(tmp_path / "net.onnx"))
    (given,), (answer,) = built.graph.input, built.graph.output
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["N", 3, "H", "W"]
    assert [d.dim_param or d.dim_value for d in answer.type.tensor_type.shape.dim] == ["N", 2]
    assert json.loads({p.key: p.value for p in built.metadata_props}["class_names"]) == ["a", "b"]
    assert {"conv1.weight", "layer3.2.bn2.running_var", "fc.bias"} <= {i.name for i in built.graph.initializer}


def test_command_folds(command, tmp_path):
    with create_model("cifar-resnet20", 3) as model:
        model.save(tmp_path / "net.safetensors")
    arguments = ("export", "net.safetensors", "--format", "onnx", "--fold", "--out", "net.onnx")
    code, out, _ = command(*arguments)
    assert (code, out) == (0, "cifar-resnet20, 3 channels, 10 classes: net.onnx\n")
    assert "BatchNormalization" not in operations(tmp_path / "net.onnx")


def test_place_that_cannot_be_written_is_named(tmp_path):
    with create_model("cifar-resnet20", 3) as model, pytest.raises(UsageError, match=r"none/net.onnx cannot be"):
        model.export(tmp_path / "none" / "net.onnx", "onnx")
    assert list(tmp_path.iterdir()) == []


def test_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with create_model("cifar-resnet20", 3) as model, pytest.raises(UsageError, match=r"py-djl-resnet\[onnx\]"):
        model.export(tmp_path / "net.onnx", "onnx")
