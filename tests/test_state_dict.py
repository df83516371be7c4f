"""Reading and replacing a network's tensors as numpy arrays."""

import numpy as np
import pytest
from state_files import random_state

from py_djl_resnet import ResnetWarning, UsageError, create_model, load

NAME = "cifar-resnet20+option_b"


@pytest.fixture(scope="module")
def model():
    with create_model(NAME, in_channels=3, seed=1) as model:
        yield model


@pytest.fixture
def images():
    return np.random.default_rng(0).random((2, 3, 32, 32), np.float32)


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
    before = model.state_dict()
    names, shapes = model.state_dict(), model.state_dict()
    del names["conv1.weight"], names["layer1.0.bn1.bias"]
    names["bn9.weight"] = np.zeros(3, np.float32)
    shapes["fc.weight"] = np.zeros((64, 10), np.float32)
    shapes["fc.bias"] = np.zeros(10, np.int32)
    problems = {
        "2 missing: conv1.weight, layer1.0.bn1.bias; 1 unexpected: bn9.weight": names,
        "2 of another type or shape: fc.weight is F32 [64, 10], not F32 [10, 64], fc.bias is I64 [10], not F32 [10]": (
            shapes
        ),
    }
    for problem, state in problems.items():
        with pytest.raises(UsageError) as error:
            model.load_state_dict(state)
        assert str(error.value) == f"The state dict does not fit this {NAME}: {problem}"
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_list_in_an_error_is_bounded(model):
    with pytest.raises(UsageError, match=r"107 missing: .*, and 97 more; 1000 unexpected: .*, and 990 more") as error:
        model.load_state_dict({f"{n}{'x' * 1000}": np.zeros(1) for n in range(1000)})
    assert len(str(error.value)) < 3000


def test_values_that_are_not_finite_are_warned_about(model, tmp_path):
    state = model.state_dict()
    state["fc.bias"][3] = np.nan
    with create_model(NAME, in_channels=3) as other:
        with pytest.warns(ResnetWarning, match=r"fc.bias contains NaN or infinite values") as warned:
            other.load_state_dict(state)
        assert warned[0].filename == __file__
        assert np.isnan(other.state_dict()["fc.bias"][3])
        other.save(tmp_path / "bad.safetensors")
    with pytest.warns(ResnetWarning, match=r"bad\.safetensors: fc\.bias contains NaN or infinite values"):
        load(tmp_path / "bad.safetensors").close()


def test_names_of_a_wrapper_and_of_another_head_are_accepted(model):
    prefix = "module._orig_mod."
    state = random_state(model.state_dict())
    wrapped = {prefix + name.replace("fc.", "classifier."): array for name, array in state.items()}
    wrapped["n_averaged"] = np.array(7)  # of torch's AveragedModel
    with create_model(NAME, in_channels=3) as other:
        other.load_state_dict(wrapped)
        for name, array in other.state_dict().items():
            np.testing.assert_array_equal(array, state[name])


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
    with pytest.raises(UsageError, match=r"state\['fc.bias'\] must be an array of numbers. Received: dtype <U"):
        model.load_state_dict({"fc.bias": ["a"]})
