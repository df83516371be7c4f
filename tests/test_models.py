import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from state_files import write_safetensors

from py_djl_resnet import Recipe, ResnetWarning, UsageError, create_model, load, summarize
from py_djl_resnet.models import available

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def model():
    with create_model(seed=1) as model:
        yield model


@pytest.fixture
def images():
    return np.random.default_rng(0).random((3, 1, 28, 28), np.float32)


def test_summary_has_the_shapes_of_the_chapter(model):
    summary = model.summary((1, 1, 224, 224))
    assert summary.lines().splitlines() == [
        "01Conv2d (1,64,112,112)",
        "02BatchNorm (1,64,112,112)",
        "03LambdaBlock (1,64,112,112)",
        "04LambdaBlock (1,64,56,56)",
        "05SequentialBlock (1,64,56,56)",
        "06SequentialBlock (1,128,28,28)",
        "07SequentialBlock (1,256,14,14)",
        "08SequentialBlock (1,512,7,7)",
        "09LambdaBlock (1,512)",
        "10Linear (1,10)",
    ]
    assert summary.total["trainable_parameters"] == 11_178_378
    assert summary.total["parameters"] == 11_186_186


def test_summarize_equals_the_summary_of_a_model(model):
    by_name = summarize("d2l-resnet18", (2, 1, 28, 28), depth=3)
    assert by_name == model.summary((2, 1, 28, 28), depth=3)
    assert len(by_name.layers) > len(summarize("d2l-resnet18").layers)


def test_logits_do_not_depend_on_other_images(model, images):
    np.testing.assert_allclose(model(images)[1:2], model(images[1:2]), rtol=1e-4, atol=1e-5)


def test_noncontiguous_input_gives_the_same_logits(model, images):
    turned = images.transpose(0, 1, 3, 2)
    assert not turned.flags.c_contiguous
    np.testing.assert_array_equal(model(turned), model(np.ascontiguousarray(turned)))


def test_same_seed_gives_the_same_weights(model, images):
    with create_model(seed=1) as same, create_model(seed=2) as other:
        np.testing.assert_array_equal(same(images), model(images))
        assert not np.allclose(other(images), model(images))


def test_channels_and_classes_can_be_chosen():
    with create_model(in_channels=3, classes=7) as model:
        assert model(np.zeros((2, 3, 32, 32), np.float32)).shape == (2, 7)
        assert (model.in_channels, model.classes) == (3, 7)
        assert model.class_names == [str(n) for n in range(7)]
        assert model.recipe is None


def test_checkpoint_of_a_run_has_class_names_and_recipe(trained, images):
    with load(trained.folder / "last.safetensors") as model:
        assert model.class_names[0] == "T-shirt/top"
        assert model.recipe == Recipe(epochs=2, limit=512, batch_size=64)
        np.testing.assert_allclose(model(images), trained.model(images), rtol=1e-5, atol=1e-5)


def test_closed_network_is_rejected(images):
    model = create_model()
    model.close()
    model.close()
    with pytest.raises(UsageError, match="This d2l-resnet18 is closed"):
        model(images)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.astype(">f4"), r"float32. Received: >f4. Pass x.astype\('float32'\)."),
        (lambda x: "x", "input must be a numpy array. Received: str.$"),
        (lambda x: x[0], r"shape \(N, 1, H, W\).* Received: \(1, 28, 28\)"),
        (lambda x: x[:0], r"no empty axis. Received: \(0, 1, 28, 28\)"),
        (lambda x: np.where(np.arange(28) == 5, np.nan, x), r"nan at index \(0, 0, 0, 5\)"),
        (lambda x: (x * 1000).astype(np.int64), "range from 0 to 999. Scale them to 0 to 255 and pass uint8."),
    ],
)
def test_invalid_input_is_rejected(model, images, change, message):
    with pytest.raises(UsageError, match=message):
        model(change(images))


@pytest.fixture(scope="module")
def normalized(tmp_path_factory):
    """A network whose images are normalized, as those of torchvision's networks are."""
    file = tmp_path_factory.mktemp("normalized") / "net.safetensors"
    with create_model("cifar-resnet20", 3, 4) as fresh:
        fresh.export(file)
    form = {"channels": 3, "mean": [0.5, 0.4, 0.3], "deviation": [0.2, 0.25, 0.5]}
    with create_model("cifar-resnet20", weights=file, preprocessing=form) as model:
        yield model


def logits_of_bytes(model, pixels):
    mean, deviation = (np.reshape(model.preprocessing[key], (3, 1, 1)) for key in ("mean", "deviation"))
    return model(((pixels / 255 - mean) / deviation).astype(np.float32))


def test_uint8_images_are_preprocessed_as_in_training(trained, normalized):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 3, 12, 10), np.uint8)
    np.testing.assert_allclose(normalized(pixels), logits_of_bytes(normalized, pixels), rtol=1e-4, atol=1e-5)
    grey = np.random.default_rng(1).integers(0, 256, (3, 1, 28, 28), np.uint8)
    expected = trained.model((grey / 255).astype(np.float32))
    np.testing.assert_allclose(trained.model(grey), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.astype(np.int64),
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.float32).tolist(),
        lambda x: x.tolist(),
        lambda x: x.astype(np.uint16) * 257,
        lambda x: x.astype(bool).astype(np.int32),
    ],
)
def test_advice_for_other_dtypes_gives_correct_logits(normalized, change):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 12, 10), np.uint8)
    x = change(pixels)
    with pytest.raises(UsageError, match=r"[pP]ass .*\.$") as error:
        normalized(x)
    advised = eval(re.search(r"[pP]ass (.*)\.$", str(error.value))[1], {"x": x, "numpy": np})
    binary = np.asarray(x).max() <= 1
    right = logits_of_bytes(normalized, pixels.astype(bool) * np.uint8(255) if binary else pixels)
    np.testing.assert_allclose(normalized(advised), right, rtol=1e-4, atol=1e-5)


def test_float_images_from_0_to_255_are_warned_about(model):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 1, 28, 28), np.uint8)
    with pytest.warns(ResnetWarning, match="this one reaches 255. Pass images from 0 to 255 as uint8.") as warned:
        model(pixels.astype(np.float32))
    assert warned[0].filename == __file__


def test_uint8_images_need_a_known_preprocessing(tmp_path):
    with create_model("cifar-resnet20", 3, 4) as fresh:
        write_safetensors(tmp_path / "net.safetensors", fresh.state_dict())
    with (
        create_model("cifar-resnet20", weights=tmp_path / "net.safetensors") as model,
        pytest.raises(UsageError, match="does not record how its images are preprocessed"),
    ):
        model(np.zeros((1, 3, 8, 8), np.uint8))


def test_available_lists_parameters_and_options():
    models = {known["name"]: known for known in available()}
    assert models["resnet50"]["trainable_parameters"] == 25_557_032
    assert models["resnet50"]["input"] == [1, 3, 224, 224]
    assert "stride_in_1x1" in models["resnet50"]["options"]
    assert models["plain56"]["options"] == []
    assert len(models) == 36


def test_options_of_a_name_are_saved(tmp_path):
    with create_model("cifar-resnet20+option_b+zero_init_last_gamma", 1, 3) as model:
        model.save(tmp_path / "b.safetensors")
        x = np.random.default_rng(0).random((2, 1, 8, 8), np.float32)
        with load(tmp_path / "b.safetensors") as loaded:
            assert loaded.name == "cifar-resnet20+option_b+zero_init_last_gamma"
            np.testing.assert_array_equal(loaded(x), model(x))
    with pytest.raises(UsageError, match=r"(?i)option .option_c.*did you mean .option_b"):
        create_model("cifar-resnet20+option_c")


def test_networks_page_is_current():
    tool = runpy.run_path(str(ROOT / "tools" / "models_page.py"))
    assert (ROOT / "docs" / "models.md").read_text("utf-8") == tool["page"](), "run python tools/models_page.py"


@pytest.mark.parametrize("name", ["d2l-resnet18", "resnet50", "cifar-resnet20", "preact-resnet18"])
def test_default_channels_and_classes_match_the_summary(name):
    summary = summarize(name)
    with create_model(name) as model:
        assert model.in_channels == summary.input[1]
        assert model.classes == summary.layers[-1]["output_shape"][1]
    with create_model(name, class_names=["a", "b"]) as model:
        assert (model.in_channels, model.classes) == (summary.input[1], 2)
