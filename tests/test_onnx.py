"""Exported ONNX files in onnxruntime against the networks themselves."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from state_files import random_state

from py_djl_resnet import UsageError, create_model

# each kind of block; odd sizes where rounding matters
NETWORKS = [
    ("d2l-resnet18", 1, 28),
    ("resnet18", 3, 45),
    ("resnet50", 3, 33),
    ("resnet50+stride_in_1x1+deep_stem+pooled_shortcut", 3, 45),
    ("resnet18+pooled_shortcut", 3, 9),  # its last pooling has a 1x1 map
    ("resnext50_32x4d", 3, 33),
    ("preact-resnet18", 3, 45),
    ("preact-resnet164", 3, 19),
    ("cifar-resnet20", 3, 21),
    ("cifar-resnet20+option_b", 2, 21),
    ("plain20", 3, 21),
    ("study-resnet20", 3, 21),
    ("study-plain20", 3, 21),
    ("fashion-net", 1, 28),
    ("airbench94", 3, 33),
]


def run(file, images):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"input": images})[0]


@pytest.mark.parametrize(("name", "channels", "size"), NETWORKS)
def test_onnxruntime_computes_the_same_logits(tmp_path, name, channels, size):
    images = np.random.default_rng(1).random((3, channels, size, size), np.float32)
    with create_model(name, channels, 5) as model:
        model.load_state_dict(random_state(model.state_dict()))
        expected = model(images)
        model.export(tmp_path / "net.onnx", "onnx")
    assert np.ptp(expected) > 0
    computed = run(tmp_path / "net.onnx", images)
    assert np.abs(computed - expected).max() < 1e-4 * np.abs(expected).max()
    # the same file for another number of images
    np.testing.assert_allclose(run(tmp_path / "net.onnx", images[:1]), computed[:1], rtol=1e-3, atol=1e-4)


def test_file_describes_inputs_and_classes(tmp_path):
    with create_model("cifar-resnet20", 3, class_names=["a", "b"]) as model:
        model.export(tmp_path / "net.onnx", "onnx")
    built = onnx.load(str(tmp_path / "net.onnx"))
    (given,), (answer,) = built.graph.input, built.graph.output
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["N", 3, "H", "W"]
    assert [d.dim_param or d.dim_value for d in answer.type.tensor_type.shape.dim] == ["N", 2]
    assert json.loads({p.key: p.value for p in built.metadata_props}["class_names"]) == ["a", "b"]
    assert {"conv1.weight", "layer3.2.bn2.running_var", "fc.bias"} <= {i.name for i in built.graph.initializer}


def test_missing_onnx_package_is_reported(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with create_model("cifar-resnet20", 3) as model, pytest.raises(UsageError, match=r"py-djl-resnet\[onnx\]"):
        model.export(tmp_path / "net.onnx", "onnx")
