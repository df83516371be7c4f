"""Programs and their precision, as users choose them."""

import json
import shutil

import numpy as np
import pytest
from examples import separable
from processes import run

from py_djl_resnet import Recipe, UsageError, evaluate, train

# as the tests are also run on processors without fast bfloat16
pytestmark = pytest.mark.filterwarnings("ignore:On this processor float32 is faster than bfloat16")


def distance(found, expected):
    """The largest difference, relative to the largest value."""
    return np.abs(found - expected).max() / np.abs(expected).max()


def test_bfloat16_logits_are_those_of_float32_to_two_digits(trained):
    x = np.random.default_rng(0).random((16, 1, 28, 28), np.float32)
    network = trained.model
    expected = network(x)
    found = network(x, precision="bfloat16")
    assert found.dtype == np.float32
    assert 0 < distance(found, expected) < 2e-2
    assert (network(x) == expected).all()


def test_bfloat16_evaluates_like_float32(trained):
    exact = evaluate(trained.model, limit=256)
    fast = evaluate(trained.model, limit=256, precision="bfloat16")
    assert fast.loss == pytest.approx(exact.loss, rel=2e-2)
    assert fast.loss != exact.loss


def test_bfloat16_trains_and_is_recorded(arrays, tmp_path):
    recipe = Recipe(epochs=2, batch_size=64, lr=0.01, precision="bfloat16")
    result = train(dataset=arrays, recipe=recipe, out=tmp_path / "run", progress=False)
    assert result.history[-1]["train_accuracy"] > 0.9
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["precision"] == "bfloat16"
    assert {array.dtype for array in result.model.state_dict().values()} <= {np.dtype("f4"), np.dtype("i8")}


def test_auto_is_recorded_as_the_precision_it_chose(jvm, arrays, tmp_path):
    train(
        dataset=arrays, recipe=Recipe(epochs=1, batch_size=64, precision="auto"), out=tmp_path / "run", progress=False
    )
    fast = json.loads(str(jvm.bridge().describe()))["bfloat16"]
    recorded = json.loads((tmp_path / "run" / "recipe.json").read_text())["precision"]
    assert recorded == ("bfloat16" if fast else "float32")


@pytest.mark.parametrize("measure", ["loss_surface(file", "interpolate_loss(file, file", "loss_trajectory('run'"])
def test_slow_precision_of_a_landscape_is_reported_although_java_starts_later(trained, tmp_path, measure):
    (tmp_path / "run").mkdir()
    for epoch in (1, 2, 3):
        shutil.copy(trained.folder / "last.safetensors", tmp_path / "run" / f"epoch-{epoch:04}.safetensors")
    script = f"""
    from py_djl_resnet import ResnetWarning, _precision, interpolate_loss, loss_surface, loss_trajectory
    _precision._is_fast = lambda: False
    file = "run/epoch-0001.safetensors"
    try:
        {measure}, out="out", grid=2, examples=2, precision="bfloat16", progress=False)
    except ResnetWarning as warning:
        print(warning)
    """
    message = "On this processor float32 is faster than bfloat16. 'auto' chooses for you.\n"
    assert run(script, tmp_path) == (0, message, "")


def test_blocks_train_like_the_program(arrays):
    losses = {}
    for compiled in (True, False):
        recipe = Recipe(epochs=1, batch_size=64, lr=0.01, compile=compiled)
        losses[compiled] = train(dataset=arrays, recipe=recipe, progress=False).history[0]["train_loss"]
    assert losses[True] == pytest.approx(losses[False], rel=1e-3)


def test_uint8_images_follow_the_precision(trained):
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28), dtype=np.uint8)
    scaled = (images / np.float32(255)).astype(np.float32)
    for precision in ("float32", "bfloat16"):
        np.testing.assert_array_equal(
            trained.model(images, precision=precision), trained.model(scaled, precision=precision)
        )
    assert (trained.model(images, precision="bfloat16") != trained.model(images)).any()


@pytest.mark.parametrize("precision", ["float16", "", "FLOAT32"])
def test_unknown_precision_is_rejected(trained, precision):
    with pytest.raises(UsageError, match=rf"precision\. Received: '{precision}'\. Allowed: float32, bfloat16, auto\."):
        evaluate(trained.model, separable(4, 0), precision=precision)


def test_blocks_and_mxnet_reject_bfloat16(arrays):
    with pytest.raises(UsageError, match=r"bfloat16 needs a compiled network and the PyTorch engine.*Use float32"):
        train(dataset=arrays, recipe=Recipe(precision="bfloat16", compile=False), progress=False)
    script = """
    import numpy as np, py_djl_resnet as resnet
    model = resnet.create_model("plain20", engine="mxnet")
    try:
        model(np.zeros((1, model.in_channels, 32, 32), np.float32), precision="bfloat16")
    except resnet.UsageError as error:
        print(error)
    """
    code, out, _ = run(script)
    assert (code, out.startswith("bfloat16 needs a compiled network and the PyTorch engine")) == (0, True)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_summary_prints_the_program_with_its_layers(command, precision):
    code, out, _ = command("summary", "resnet18", "--program", "--precision", precision)
    assert code == 0
    for line in ("# forward, layer2.0", "# backward, layer2.0", "def step(", "def evaluate("):
        assert line in out
    assert ("torch.to(layer2_0_conv1_weight, 15)" in out) == (precision == "bfloat16")


@pytest.mark.parametrize(
    ("environment", "count"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "5"}, "5"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "None")],
)
def test_spinning_is_bounded_unless_the_user_has_chosen(monkeypatch, environment, count):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    script = """
    import ctypes, py_djl_resnet as resnet
    resnet.start()
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    value = getenv(b"GOMP_SPINCOUNT")
    print(value.decode() if value else None)
    """
    assert run(script, **environment) == (0, f"{count}\n", "")
