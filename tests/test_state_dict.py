"""Reading and replacing a network's tensors as numpy arrays."""

import numpy as np
import pytest
from state_files import random_state

from py_djl_resnet import ResnetWarning, UsageError, create_model

NAME = "cifar-resnet20+option_b"


@pytest.fixture(scope="module")
def model():
    with create_model(NAME, in_channels=3, seed=1) as model:
        yield model


@pytest.fixture
def images():
    return np.random.default_rng(0).random((2, 3, 32, 32), np.float32)


def test_names_shapes_and_order_are_those_of_torchvision(model):
    state = model.state_dict()
    assert list(state)[:6] == [
        "conv1.weight",
        "bn1.weight",
        "bn1.bias",
        "bn1.running_mean",
        "bn1.running_var",
        "bn1.num_batches_tracked",
    ]
    assert list(state)[-2:] == ["fc.weight", "fc.bias"]
    assert state["conv1.weight"].shape == (16, 3, 3, 3)
    assert state["layer2.0.downsample.0.weight"].shape == (32, 16, 1, 1)
    assert state["bn1.num_batches_tracked"] == 0
    assert {array.dtype.name for array in state.values()} == {"float32", "int64"}


def test_network_with_the_state_of_another_computes_the_same(model, images):
    with create_model(NAME, in_channels=3, seed=2) as other:
        assert not np.allclose(other(images), model(images))
        other.load_state_dict(model.state_dict())
        np.testing.assert_array_equal(other(images), model(images))


def test_loaded_state_is_returned_unchanged(model):
    state = random_state(model.state_dict())
    with create_model(NAME, in_channels=3) as other:
        other.load_state_dict(state)
        back = other.state_dict()
    assert list(back) == list(state)
    for name, array in state.items():
        np.testing.assert_array_equal(back[name], array)


def test_arrays_are_copies_and_outlive_the_network(images):
    with create_model(NAME, in_channels=3) as model:
        state = model.state_dict()
        before = model(images)
        kept = state["fc.weight"].copy()
        state["fc.weight"] += 1
        np.testing.assert_array_equal(model(images), before)
    np.testing.assert_array_equal(state["fc.weight"], kept + 1)


def test_other_float_types_and_memory_orders_are_converted(model):
    state = model.state_dict()
    changed = {name: array.astype(np.float64) for name, array in state.items() if array.dtype == np.float32}
    changed["conv1.weight"] = np.asfortranarray(state["conv1.weight"])
    changed["fc.bias"] = np.arange(10, dtype=np.float16)
    changed["fc.weight"] = state["fc.weight"].tolist()
    with create_model(NAME, in_channels=3) as other:
        other.load_state_dict(changed)
        back = other.state_dict()
    np.testing.assert_array_equal(back["conv1.weight"], state["conv1.weight"])
    np.testing.assert_array_equal(back["fc.weight"], state["fc.weight"])
    np.testing.assert_array_equal(back["fc.bias"], np.arange(10))
    assert back["bn1.num_batches_tracked"] == 0


def test_error_lists_everything_and_changes_nothing(model):
    state = model.state_dict()
    del state["conv1.weight"], state["layer1.0.bn1.bias"]
    state["head.weight"] = np.zeros(3, np.float32)
    state["fc.weight"] = np.zeros((64, 10), np.float32)
    state["fc.bias"] = np.zeros(10, np.int32)
    state["bn1.num_batches_tracked"] = np.zeros(2, np.int64)
    before = model.state_dict()
    with pytest.raises(UsageError) as error:
        model.load_state_dict(state)
    assert str(error.value) == (
        f"The state dict does not fit this {NAME}: 2 missing: conv1.weight, layer1.0.bn1.bias; 1 unexpected: "
        "head.weight; 3 of another type or shape: bn1.num_batches_tracked is int64 (2,), not one whole number, "
        "fc.weight is float32 (64, 10), not float32 (10, 64), fc.bias is int32 (10,), not float32 (10,)."
    )
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_list_in_an_error_is_bounded(model):
    with pytest.raises(UsageError, match=r"107 missing: .*, and 97 more; 1000 unexpected: .*, and 990 more") as error:
        model.load_state_dict({f"{n}{'x' * 1000}": np.zeros(1) for n in range(1000)})
    assert len(str(error.value)) < 3000


def test_values_that_are_not_finite_are_warned_about(model):
    state = model.state_dict()
    state["fc.bias"][3] = np.nan
    with create_model(NAME, in_channels=3) as other:
        with pytest.warns(ResnetWarning, match=r"fc.bias contains NaN or infinite values") as warned:
            other.load_state_dict(state)
        assert warned[0].filename == __file__
        assert np.isnan(other.state_dict()["fc.bias"][3])


@pytest.mark.parametrize("prefix", ["module.", "module._orig_mod.", "model.backbone."])
def test_names_with_the_prefix_of_a_wrapper_are_accepted(model, images, prefix):
    wrapped = {prefix + name: array for name, array in random_state(model.state_dict()).items()}
    wrapped["n_averaged"] = np.array(7)  # of torch's AveragedModel
    with create_model(NAME, in_channels=3) as other:
        other.load_state_dict(wrapped)
        for name, array in other.state_dict().items():
            np.testing.assert_array_equal(array, wrapped[prefix + name])


def test_advice_for_a_training_checkpoint_loads_its_weights(model):
    checkpoint = {"epoch": 3, "state_dict": random_state(model.state_dict())}
    with create_model(NAME, in_channels=3) as other:
        with pytest.raises(UsageError, match=r"Pass its entry 'state_dict'."):
            other.load_state_dict(checkpoint)
        other.load_state_dict(checkpoint["state_dict"])
        np.testing.assert_array_equal(other.state_dict()["fc.bias"], checkpoint["state_dict"]["fc.bias"])


def test_objects_that_numpy_cannot_read_are_named(model):
    class OnAGpu:
        def __array__(self, *_, **__):
            raise TypeError("can't convert cuda:0 device type tensor to numpy")

    with pytest.raises(UsageError, match=r"state\['fc.bias'\] .* cuda:0 .* pass tensor.detach\(\).cpu\(\).float"):
        model.load_state_dict(model.state_dict() | {"fc.bias": OnAGpu()})
    with pytest.raises(UsageError, match=r"state must map names to arrays. Received: NoneType."):
        model.load_state_dict(None)
