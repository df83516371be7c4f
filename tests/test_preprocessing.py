"""Preprocessing: equal to torchvision's, and the same in every command and export."""

import gzip

import numpy as np
import pytest
from imported_network import FILES, PIPELINES, expected, write_weights
from PIL import Image
from state_files import write_safetensors

import py_djl_resnet as resnet
from py_djl_resnet.datasets import bundled_data
from py_djl_resnet.images import decode

#: As a share of the range of a class's logits over the images.
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_weights(tmp_path_factory.mktemp("weights") / "resnet18.safetensors")


@pytest.fixture(scope="module")
def model(weights):
    with resnet.create_model("resnet18", weights=weights) as model:
        yield model


def log_softmax(logits):
    shifted = logits - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def log_probabilities(predictions, classes):
    """(images, classes): logits up to a constant per image."""
    found = [{int(name): value for name, value in prediction.top} for prediction in predictions]
    return np.log([[one[i] for i in range(classes)] for one in found])


def assert_close(found, pipeline, files=slice(None)):
    logits = expected()[pipeline].astype(np.float64)
    difference = np.abs(found - log_softmax(logits[files])) / np.ptp(logits, axis=0).max()
    assert difference.max() <= TOLERANCE, dict(zip(FILES[files], difference.max(1), strict=True))


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_predict_computes_the_same_as_torchvision(model, pipeline):
    predictions = model.predict(FILES, top_k=10, preprocessing=PIPELINES[pipeline])
    assert [p.image for p in predictions] == [str(file) for file in FILES]
    assert_close(log_probabilities(predictions, 10), pipeline)


def test_import_uses_torchvisions_preprocessing(model):
    assert model.info["import"]["preprocessing_source"] == "torchvision"
    assert model.preprocessing == {
        "channels": 3,
        "resize": {"to": "short-side", "size": 256, "interpolation": "bilinear", "rounded": True},
        "crop": {"height": 224, "width": 224},
        "mean": [0.485, 0.456, 0.406],
        "deviation": [0.229, 0.224, 0.225],
    }
    assert_close(log_probabilities(model.predict(FILES[3], top_k=10), 10), "torchvision", slice(3, 4))


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_evaluate_computes_the_same_as_torchvision(model, pipeline):
    logits = expected()[pipeline].astype(np.float64)
    labels = np.arange(len(FILES)) % 10
    losses = [
        resnet.evaluate(model, (decode(file)[np.newaxis], [label]), preprocessing=PIPELINES[pipeline]).loss
        for file, label in zip(FILES, labels, strict=True)
    ]
    right = -log_softmax(logits)[range(len(FILES)), labels]
    assert np.abs(losses - right).max() <= TOLERANCE * np.ptp(logits, axis=0).max()


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_onnxruntime_computes_the_same_as_torchvision(model, tmp_path, pipeline):
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra [test] is not installed")
    file = tmp_path / "net.onnx"
    model.export(file, "onnx", with_preprocessing=True, preprocessing=PIPELINES[pipeline])
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    found = []
    for image in FILES:
        pixels = decode(image).transpose(1, 2, 0)[np.newaxis]
        found.append(session.run(["logits"], {"image": np.ascontiguousarray(pixels)})[0][0])
    assert_close(log_softmax(np.array(found, np.float64)), pipeline)


def test_files_pillow_images_and_arrays_give_the_same(model):
    file = FILES[0]
    with Image.open(file) as image:
        pixels = np.asarray(image)
        (right,) = model.predict(file)
        forms = [image, [image], pixels, pixels[np.newaxis], [pixels], pixels.astype(np.float64) / 255]
        for form in forms[:5]:
            assert [p.top for p in model.predict(form)] == [right.top]
        # floats are resized without rounding to bytes
        (found,) = model.predict(forms[5])
        assert [name for name, _ in found.top] == [name for name, _ in right.top]
        np.testing.assert_allclose([p for _, p in found.top], [p for _, p in right.top], atol=0.01)


def test_trained_network_predicts_as_it_was_trained(trained):
    with gzip.open(bundled_data() / "fashion-mnist" / "t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(16 + 100 * 784)[16:], np.uint8).reshape(100, 28, 28)
    expected = log_softmax(trained.model((pixels[:, np.newaxis] / np.float32(255)).astype(np.float32)))
    predictions = trained.model.predict(pixels, top_k=10)
    names = trained.model.class_names
    found = np.log([[dict(p.top)[name] for name in names] for p in predictions])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert [p.image for p in predictions[:2]] == ["images[0]", "images[1]"]


def test_missing_preprocessing_is_requested(tmp_path):
    with resnet.create_model("cifar-resnet20", 3, 4) as fresh:
        # an export would record it
        write_safetensors(tmp_path / "bare.safetensors", fresh.state_dict())
    with resnet.create_model("cifar-resnet20", weights=tmp_path / "bare.safetensors") as model:
        assert model.preprocessing is None
        x = np.zeros((2, 32, 32, 3), np.uint8)
        for call in (
            lambda: model.predict(x),
            lambda: resnet.evaluate(model, (x.transpose(0, 3, 1, 2), [0, 1])),
            lambda: resnet.bypass_costs(model, (x.transpose(0, 3, 1, 2), [0, 1])),
            lambda: model.export(tmp_path / "served", "djl"),
            lambda: model.export(tmp_path / "net.onnx", "onnx", with_preprocessing=True),
        ):
            with pytest.raises(
                resnet.UsageError, match=r"does not record .* --preprocessing\). Allowed: torchvision, plain:N"
            ):
                call()
        assert len(model.predict(x, preprocessing="plain:32")) == 2
        model.export(tmp_path / "served", "djl", preprocessing="plain:32")
        with pytest.raises(resnet.UsageError, match="records no data set"):
            resnet.evaluate(model, preprocessing="plain:32")


@pytest.mark.parametrize(
    ("preprocessing", "message"),
    [
        ("imagenet", "(?i)preprocessing.* received: '?imagenet"),
        ("missing.json", "preprocessing missing.json cannot be read"),
        ({"channels": 3, "crop": 32}, "(?i)crop"),
        ({"channels": 1}, "(?i)1 channel.* 3"),
        ({"channels": object()}, "must be valid JSON"),
        (
            3,
            "preprocessing has the wrong type. Received: 3. Allowed: torchvision, plain:N such as plain:32, a .json",
        ),
    ],
)
def test_invalid_preprocessing_is_rejected(model, preprocessing, message):
    with pytest.raises(resnet.UsageError, match=message):
        model.predict(FILES[4], preprocessing=preprocessing)


def test_preprocessing_can_be_a_json_file(model, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text('{"channels": 3, "resize": {"to": "exact", "height": 48, "width": 80, "interpolation": "bilinear"')
    with pytest.raises(resnet.UsageError, match="is not JSON"):
        model.predict(FILES[4], preprocessing=file)
    file.write_text(file.read_text() + ', "rounded": true}}')
    for given in (file, str(file)):
        found = log_probabilities(model.predict(FILES[4], top_k=10, preprocessing=given), 10)
        assert_close(found, "stretched", slice(4, 5))


def test_timms_config_next_to_the_file_is_used(weights, tmp_path):
    (tmp_path / "model.safetensors").symlink_to(weights)
    (tmp_path / "config.json").write_text(
        '{"architecture": "resnet18", "pretrained_cfg": {"input_size": [3, 60, 60], "crop_pct": 0.95, '
        '"interpolation": "bicubic", "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.5, 0.5]}}'
    )
    with resnet.create_model("resnet18", weights=tmp_path / "model.safetensors") as model:
        assert model.info["import"]["preprocessing_source"] == "timm"
        found = model.preprocessing
        assert found["resize"] == {"to": "short-side", "size": 63, "interpolation": "bicubic", "rounded": True}
        assert (found["crop"], found["deviation"]) == ({"height": 60, "width": 60}, [0.25, 0.5, 0.5])
