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
}
#: One network of each family for MXNet, which is slower.
ON_MXNET = ("cifar-resnet20", "study-resnet20", "study-plain20", "preact-resnet18")
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
    loss = cross_entropy(FAMILIES[name](Reference(before, training=True), x.astype(np.float64)), labels)
    logits = FAMILIES[name](Reference(after), x.astype(np.float64))
    found = run.model(x)
    run.model.close()
    return (
        abs(run.history[0]["train_loss"] / loss - 1),
        float(np.abs(found - logits).max() / np.abs(logits).max()),
        float(np.abs(after["bn1.running_mean"] - expected_mean(before, name, x)).max()),
    )


def expected_mean(before, name, x):
    """The stem's running mean after one step from 0."""
    kept = 0.1 if name.startswith("study-") else 0.9
    stride = 2 if before["conv1.weight"].shape[-1] == 7 else 1
    return (1 - kept) * Reference(before).conv("conv1", x.astype(np.float64), stride).mean((0, 2, 3))


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
