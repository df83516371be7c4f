"""Networks against numpy, before and after a training step, which makes all running statistics nontrivial."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from reference_networks import Reference, cross_entropy, read_tensors

FAMILIES = {
    "cifar-resnet20": lambda net, x: net.cifar(x),
    "cifar-resnet20+option_b": lambda net, x: net.cifar(x),
    "plain20": lambda net, x: net.cifar(x, plain=True),
    "study-resnet20": lambda net, x: net.cifar(x, study=True),
    "study-plain20": lambda net, x: net.cifar(x, study=True, plain=True),
    "preact-resnet18": lambda net, x: net.preact(x),
    "preact-resnet50": lambda net, x: net.preact(x),
    "preact-resnet110": lambda net, x: net.preact(x),
    "preact-resnet164": lambda net, x: net.preact(x),
    "fashion-net": lambda net, x: net.fashion(x),
    "airbench94": lambda net, x: net.airbench(x),
}
#: One network of each family for MXNet, which is slower.
ON_MXNET = ("cifar-resnet20", "study-resnet20", "study-plain20", "preact-resnet18", "fashion-net", "airbench94")
COUNT = 16
# relative error of the largest logit, and of the training loss
TOLERANCE = 1e-4


def images():
    random = np.random.default_rng(0)
    return random.normal(size=(COUNT, 3, 12, 10)).astype(np.float32), np.arange(COUNT) % 4


def errors(name, folder, engine="pytorch"):
    """Errors against numpy: of the loss of a training step, and of logits and statistics after it."""
    from py_djl_resnet import Recipe, create_model, train

    x, labels = images()
    with create_model(name, 3, 4, engine=engine) as fresh:
        fresh.save(folder / "fresh.safetensors")
    recipe = Recipe(model=name, epochs=1, batch_size=COUNT, lr=0.01, engine=engine)
    run = train(dataset=(x, labels, x, labels), recipe=recipe, out=folder / "run", progress=False)
    before, after = read_tensors(folder / "fresh.safetensors"), read_tensors(folder / "run" / "last.safetensors")
    if "whiten.weight" in before:
        assert_whitens(after["whiten.weight"], x)
        before["whiten.weight"] = after["whiten.weight"]  # which is not trained
    trained = Reference(before, training=True)
    loss = cross_entropy(FAMILIES[name](trained, x.astype(np.float64)), labels)
    logits = FAMILIES[name](Reference(after), x.astype(np.float64))
    found = run.model(x)
    run.model.close()
    layer, normalized = next(iter(trained.normalized.items()))
    mean = (1 - kept(name)) * normalized.mean((0, 2, 3))  # after one step from 0
    return (
        abs(run.history[0]["train_loss"] / loss - 1),
        float(np.abs(found - logits).max() / np.abs(logits).max()),
        float(np.abs(after[f"{layer}.running_mean"] - mean).max()),
    )


def kept(name):
    """The part of the old statistics that batch normalization keeps in a step."""
    return 0.1 if name.startswith("study-") else 0.6 if name in ("fashion-net", "airbench94") else 0.9


def assert_whitens(weight, x):
    """The first half of the filters whitens 2x2 patches, as numpy's inverse of their covariance does."""
    height, width = x.shape[2] - 1, x.shape[3] - 1
    taps = [x[:, c, i : i + height, j : j + width] for c in range(3) for i in range(2) for j in range(2)]
    patches = np.stack(taps, -1).reshape(-1, 12).astype(np.float64)
    expected = np.linalg.inv(patches.T @ patches / len(patches) + 5e-4 * np.eye(12))
    filters = weight[:12].reshape(12, 12)
    np.testing.assert_allclose(filters.T @ filters, expected, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_array_equal(weight[12:], -weight[:12])


@pytest.mark.parametrize("name", FAMILIES)
def test_network_computes_the_same_as_numpy(name, jvm, tmp_path):
    assert max(errors(name, tmp_path)) < TOLERANCE


def test_networks_on_mxnet_compute_the_same_as_numpy(tmp_path):
    script = f"""
import json, pathlib, test_families
for name in {ON_MXNET}:
    folder = pathlib.Path({str(tmp_path)!r}) / name
    folder.mkdir()
    print(json.dumps(test_families.errors(name, folder, "mxnet")))
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(found) == len(ON_MXNET)
    assert np.max(found) < TOLERANCE
