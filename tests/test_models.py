import runpy
from pathlib import Path

import numpy as np
import pytest

from py_djl_resnet import Recipe, UsageError, create_model, load, summarize
from py_djl_resnet.models import available

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def model():
    with create_model(seed=1) as model:
        yield model


@pytest.fixture
def pictures():
    return np.random.default_rng(0).random((3, 1, 28, 28), np.float32)


def test_summary_gives_the_chapters_shapes(model):
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


def test_table_has_every_layer_and_the_totals(model):
    table = str(model.summary((1, 1, 28, 28)))
    assert "05SequentialBlock" in table
    assert "11,186,186" in table
    assert "trainable parameters: 11,178,378" in table


def test_summary_by_name_equals_the_one_of_the_network(model):
    by_name = summarize("d2l-resnet18", (2, 1, 28, 28), depth=3)
    assert by_name == model.summary((2, 1, 28, 28), depth=3)
    assert len(by_name.layers) > len(summarize("d2l-resnet18").layers)


def test_networks_are_listed():
    (d2l,) = (known for known in available() if known["name"] == "d2l-resnet18")
    assert d2l["parameters"] == 11_186_186


def test_logits_are_finite_and_differ_between_pictures(model, pictures):
    logits = model(pictures)
    assert logits.shape == (3, 10)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()
    assert not np.allclose(logits[0], logits[1])


def test_each_picture_is_computed_on_its_own(model, pictures):
    np.testing.assert_allclose(model(pictures)[1:2], model(pictures[1:2]), rtol=1e-4, atol=1e-5)


def test_array_that_is_not_contiguous_gives_the_same(model, pictures):
    turned = pictures.transpose(0, 1, 3, 2)
    assert not turned.flags.c_contiguous
    np.testing.assert_array_equal(model(turned), model(np.ascontiguousarray(turned)))


def test_input_is_left_as_it_is(model, pictures):
    before = pictures.copy()
    model(pictures)
    np.testing.assert_array_equal(pictures, before)


def test_read_only_array_is_taken(model, pictures):
    expected = model(pictures)
    pictures.flags.writeable = False
    np.testing.assert_array_equal(model(pictures), expected)


def test_same_seed_gives_the_same_weights(model, pictures):
    with create_model(seed=1) as same, create_model(seed=2) as other:
        np.testing.assert_array_equal(same(pictures), model(pictures))
        assert not np.allclose(other(pictures), model(pictures))


def test_channels_and_classes_are_chosen():
    with create_model(in_channels=3, classes=7) as model:
        assert model(np.zeros((2, 3, 32, 32), np.float32)).shape == (2, 7)
        assert (model.in_channels, model.classes) == (3, 7)
        assert model.class_names == [str(n) for n in range(7)]
        assert model.recipe is None


def test_saved_and_loaded_network_computes_the_same(model, pictures, tmp_path):
    model.save(tmp_path / "model.safetensors")
    with load(tmp_path / "model.safetensors") as loaded:
        np.testing.assert_array_equal(loaded(pictures), model(pictures))
        assert loaded.name == "d2l-resnet18"


def test_checkpoint_of_a_run_knows_its_classes_and_recipe(trained, pictures):
    with load(trained.folder / "last.safetensors") as model:
        assert model.class_names[0] == "T-shirt/top"
        assert model.recipe == Recipe(epochs=2, limit=512, batch_size=64)
        np.testing.assert_allclose(model(pictures), trained.model(pictures), rtol=1e-5, atol=1e-5)


def test_closed_network_says_so(pictures):
    model = create_model()
    model.close()
    model.close()
    with pytest.raises(UsageError, match="this d2l-resnet18 is closed"):
        model(pictures)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.astype(np.float64), r"dtype float32; received float64: .*astype\('float32'\)"),
        (lambda x: (x * 255).astype(np.uint8), "dtype float32; received uint8"),
        (lambda x: x.astype(">f4"), "dtype float32; received >f4"),
        (lambda x: x.tolist(), "numpy array of float32; received list"),
        (lambda x: x[0], r"shape \(N, 1, H, W\).*received \(1, 28, 28\)"),
        (lambda x: np.repeat(x, 3, 1), r"shape \(N, 1, H, W\).*received \(3, 3, 28, 28\)"),
        (lambda x: x[:0], r"no empty axis; received \(0, 1, 28, 28\)"),
        (lambda x: np.where(np.arange(28) == 5, np.nan, x), r"received nan at index \(0, 0, 0, 5\)"),
        (lambda x: x / np.float32(0), r"received (inf|nan) at index \(0, 0, 0, 0\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.filterwarnings("ignore:invalid value")
def test_wrong_input_is_named(model, pictures, change, message):
    with pytest.raises(UsageError, match=message):
        model(change(pictures))


def test_unknown_network_is_answered_with_the_nearest_name():
    with pytest.raises(UsageError, match=r"d2l-resnet81.*d2l-resnet18"):
        create_model("d2l-resnet81")


@pytest.mark.parametrize("arguments", [{"in_channels": 0}, {"classes": 0}, {"device": "tpu"}])
def test_impossible_network_is_refused(arguments):
    with pytest.raises(UsageError, match=str(next(iter(arguments.values())))):
        create_model(**arguments)


def test_every_network_is_listed_with_its_counts_and_options():
    models = {known["name"]: known for known in available()}
    assert models["resnet50"]["trainable_parameters"] == 25_557_032
    assert models["resnet50"]["input"] == [1, 3, 224, 224]
    assert "stride_in_1x1" in models["resnet50"]["options"]
    assert models["plain56"]["options"] == []
    assert len(models) == 29


def test_options_follow_the_name_and_are_kept(tmp_path):
    with create_model("cifar-resnet20+option_b+zero_init_last_gamma", 1, 3) as model:
        model.save(tmp_path / "b.safetensors")
        x = np.random.default_rng(0).random((2, 1, 8, 8), np.float32)
        with load(tmp_path / "b.safetensors") as loaded:
            assert loaded.name == "cifar-resnet20+option_b+zero_init_last_gamma"
            np.testing.assert_array_equal(loaded(x), model(x))
    with pytest.raises(UsageError, match=r"option 'option_c'.*Did you mean 'option_b'"):
        create_model("cifar-resnet20+option_c")


def test_summary_takes_the_usual_input_and_classes():
    summary = summarize("resnet18")
    assert summary.input == (1, 3, 224, 224)
    assert summary.layers[-1]["output_shape"] == [1, 1000]
    assert summarize("resnet18", (1, 1, 28, 28), classes=10).layers[-1]["output_shape"] == [1, 10]


def test_page_of_the_networks_is_current():
    tool = runpy.run_path(str(ROOT / "tools" / "models_page.py"))
    assert (ROOT / "docs" / "models.md").read_text("utf-8") == tool["page"](), "run python tools/models_page.py"


@pytest.mark.parametrize("name", ["d2l-resnet18", "resnet50", "cifar-resnet20", "preact-resnet18"])
def test_a_network_has_the_channels_and_classes_of_its_summary(name):
    told = summarize(name)
    with create_model(name) as model:
        assert model.in_channels == told.input[1]
        assert model.classes == told.layers[-1]["output_shape"][1]
    with create_model(name, class_names=["a", "b"]) as model:
        assert (model.in_channels, model.classes) == (told.input[1], 2)
