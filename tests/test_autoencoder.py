"""Autoencoders on arrays: codes, images, samples, and rejected calls."""

import re

import numpy as np
import onnxruntime
import pytest
from state_files import random_state, read_safetensors

from py_djl_resnet import (
    UsageError,
    bypass_costs,
    create_model,
    evaluate,
    evaluate_autoencoder,
    lesions,
    loss_hessian,
    loss_surface,
    summarize,
)


@pytest.fixture(scope="module")
def model(jvm):
    with create_model("vae-small") as network:
        network.load_state_dict(random_state(network.state_dict()))
        yield network


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(2).random((300, 1, 28, 28), np.float32)


def test_codes_and_images_do_not_depend_on_the_batch(model, images):
    means, log_variances = model.encode(images)
    assert means.shape == log_variances.shape == (300, 32)
    assert means.dtype == log_variances.dtype == np.float32
    decoded = model.decode(means)
    assert (decoded.shape, decoded.dtype) == ((300, 1, 28, 28), np.float32)
    assert 0 <= decoded.min() < decoded.max() <= 1
    for place in (0, 255, 256, 299):
        one = images[place : place + 1]
        for found, expected in zip(model.encode(one), (means, log_variances), strict=True):
            np.testing.assert_allclose(found[0], expected[place], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(model.reconstruct(one)[0], decoded[place], atol=1e-5)
    assert np.ptp(means, axis=0).min() > 0


def test_samples_are_decoded_normal_codes(model):
    codes = np.random.Generator(np.random.PCG64(7)).standard_normal((5, 32)).astype(np.float32)
    np.testing.assert_array_equal(model.sample(5, 7), model.decode(codes))
    np.testing.assert_allclose(model.sample(3, 7), model.sample(5, 7)[:3], atol=1e-6)
    assert np.abs(model.sample(3) - model.sample(3, 7)).max() > 1e-3


def test_description_names_image_and_codes(model):
    assert repr(model) == "Model('vae-small', image=(1, 28, 28), latent_dim=32)"
    assert model.is_autoencoder
    assert model.class_names == []
    with create_model("cifar-resnet20") as classifier:
        assert not classifier.is_autoencoder


@pytest.mark.parametrize(
    "call",
    [
        lambda model, x, _: model(x),
        lambda model, x, _: model.predict(x[:, 0]),
        lambda model, *_: evaluate(model, "fashion-mnist", limit=2),
        lambda model, *_: evaluate(model, "fashion-mnist", limit=2, tta="flip"),
        lambda model, *_: bypass_costs(model, "fashion-mnist", limit=2),
        lambda model, *_: lesions(model, "fashion-mnist", limit=2),
        lambda model, _, folder: loss_surface(model, "fashion-mnist", out=folder / "surface", examples=2),
        lambda model, *_: loss_hessian(model, "fashion-mnist", examples=2),
    ],
)
def test_classifiers_calls_are_rejected(model, images, tmp_path, call):
    with pytest.raises(UsageError, match=r"^This network is an autoencoder\. Received: vae-small\. .* command vae"):
        call(model, images[:2], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.encode(np.zeros((1, 3, 32, 32), np.float32)),
        lambda model: model.decode(np.zeros((1, 32), np.float32)),
        lambda model: model.reconstruct(np.zeros((1, 3, 32, 32), np.float32)),
        lambda model: model.sample(1),
        lambda model: evaluate_autoencoder(model, "cifar-10"),
    ],
)
def test_calls_of_autoencoders_are_rejected_by_a_classifier(jvm, call):
    with (
        create_model("cifar-resnet20") as classifier,
        pytest.raises(UsageError, match=r"^This network is a classifier\. Received: cifar-resnet20\. .* vae-small\.$"),
    ):
        call(classifier)


#: All and trained parameters by depth, in the outputs of the published notebooks.
PUBLISHED = [
    (26_815_683, 26_773_187),
    (29_624_003, 29_572_291),
    (43_762_627, 43_681_731),
    (57_901_251, 57_791_171),
]


@pytest.mark.parametrize(("depth", "counts"), enumerate(PUBLISHED))
def test_published_networks_have_the_published_numbers_of_parameters(jvm, depth, counts):
    total = summarize(f"vae-resnet:{depth}").total
    # and the deviation of pixels, which the published likelihood lacks
    assert (total["parameters"] - 1, total["trainable_parameters"]) == counts


X = np.zeros((2, 1, 28, 28), np.float32)
Z = np.zeros((2, 32), np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.encode(X.astype(np.float64)), "input must have dtype uint8 .* Received: float64"),
        (lambda m: m.encode(X[0]), r"shape \(N, 1, 28, 28\) with no empty axis\. Received: \(1, 28, 28\)"),
        (lambda m: m.encode(X[:, :, :8]), r"shape \(N, 1, 28, 28\) .* Received: \(2, 1, 8, 28\)"),
        (lambda m: m.encode(X.astype(np.uint8).repeat(3, 1)), r"shape \(N, 1, H, W\) .* Received: \(2, 3, 28, 28\)"),
        (lambda m: m.encode(X + 2), "values from 0 to 1. Received: 2 to 2. Pass 0 to 255 as uint8"),
        (lambda m: m.encode(X + np.nan), "input must be finite"),
        (lambda m: m.encode(X, [0, 1]), "vae-small is not conditional on the class. Omit labels."),
        (lambda m: m.decode(Z.astype(int)), "z must have a float dtype. Received: int64"),
        (lambda m: m.decode(Z[:, 1:]), r"z must have shape \(N, 32\) .* Received: \(2, 31\)"),
        (lambda m: m.decode(Z + np.inf), "z must be finite"),
        (lambda m: m.sample(0), "n must be a whole number. Received: 0"),
        (lambda m: m.sample(1, -1), "seed must be a whole number. Received: -1"),
        (lambda m: evaluate_autoencoder(m, samples=[1001]), "samples must be .* Received: 1001. Allowed: 1 to 1000"),
        (lambda m: evaluate_autoencoder(m, samples=[0]), "samples must be .* Received: 0. Allowed: 1 to 1000"),
        (lambda m: evaluate_autoencoder(m, samples=5), r"such as \[1, 10, 100\]\. Received: 5\. Allowed: .* 1 to 1000"),
        (
            lambda m: evaluate_autoencoder(m, samples=[]),
            r"samples must be .* Received: \[\]\. Allowed: .* at least one",
        ),
        (lambda m: m.export("served", "djl"), "autoencoder .* Received: djl. Allowed: safetensors, onnx."),
        (lambda m: m.export("folder/", "onnx"), "folder/ is a folder. Give a file."),
    ],
)
def test_invalid_argument_is_rejected(model, call, message):
    with pytest.raises(UsageError, match=message):
        call(model)


def computed(file, *arrays):
    """The outputs of an ONNX file by name, computed by onnxruntime."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    inputs = {given.name: array for given, array in zip(session.get_inputs(), arrays, strict=True)}
    return dict(zip((o.name for o in session.get_outputs()), session.run(None, inputs), strict=True))


@pytest.mark.parametrize("name", ["vae-small", "vae-resnet:0"])
def test_onnxruntime_computes_the_same_codes_and_images(jvm, tmp_path, name):
    random = np.random.default_rng(3)
    with create_model(name) as model:
        model.load_state_dict(random_state(model.state_dict()))
        model.export(tmp_path / "vae.onnx", "onnx")
        own = model.info["autoencoder"]
        images = random.random((3, *own["image"]), np.float32)
        codes = 10 * random.standard_normal((3, own["latent_dim"]), np.float32)
        means, log_variances = model.encode(images)
        decoded = model.decode(codes)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["vae-decoder.onnx", "vae-encoder.onnx"]
    found = computed(tmp_path / "vae-encoder.onnx", images)
    assert list(found) == ["mean", "log_variance"]
    # of different images
    assert np.ptp(means, axis=0).max() > 0.01 * np.abs(means).max()
    np.testing.assert_allclose(found["mean"], means, atol=1e-4 * np.abs(means).max())
    np.testing.assert_allclose(found["log_variance"], log_variances, atol=1e-4 * np.abs(log_variances).max())
    found = computed(tmp_path / "vae-decoder.onnx", codes)
    assert np.ptp(decoded, axis=0).max() > 0.02
    np.testing.assert_allclose(found["images"], decoded, atol=1e-5)


def test_onnx_files_end_in_onnx(model, tmp_path):
    model.export(tmp_path / "vae-1.0", "onnx")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["vae-1.0-decoder.onnx", "vae-1.0-encoder.onnx"]


def test_safetensors_have_both_parts(model, tmp_path):
    model.export(tmp_path / "vae.safetensors")
    found = read_safetensors(tmp_path / "vae.safetensors")
    assert {name.partition(".")[0] for name in found} == {"encoder", "decoder", "likelihood"}
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(found[name], array)


def test_export_rejects_a_file_of_either_part(rejected, model, tmp_path):
    model.save(tmp_path / "net.safetensors")
    (tmp_path / "vae-decoder.onnx").write_text("mine")
    code, message = rejected("export", "net.safetensors", "--format", "onnx", "--out", "vae.onnx")
    assert code == 2
    assert re.match(r"vae-decoder\.onnx already exists", message)
    assert not (tmp_path / "vae-encoder.onnx").exists()
