import json

import numpy as np
import pytest
from examples import separable

from py_djl_resnet import ResnetWarning, UsageError, create_model, evaluate


@pytest.fixture(scope="module")
def model():
    with create_model(classes=2, seed=1) as model:
        yield model


def test_the_four_arrays_of_train_are_evaluated_on_the_last_two(model):
    x, y = separable(40, 0)
    right = evaluate(model, (x[:30], y[:30]))
    assert right.confusion_matrix.sum() == 30
    assert evaluate(model, [x, y, x[:30], y[:30]]).to_dict() == right.to_dict()


@pytest.mark.parametrize("kind", [list, np.array, lambda labels: np.array(labels, object)])
def test_labels_may_be_class_names(kind):
    x, y = separable(40, 0)
    with create_model(class_names=["z", "a"], seed=1) as model:
        # of one class alone, too: numbers of the names among these labels would be wrong
        for images, numbers in ((x, y), (x[y == 1], y[y == 1])):
            named = evaluate(model, (images, kind(["za"[number] for number in numbers])))
            assert named.to_dict() == evaluate(model, (images, numbers)).to_dict()
        with pytest.raises(UsageError, match=r"Unknown label at index 1. Received: .*'b'.*Allowed: .* 'z', 'a'\.$"):
            evaluate(model, (x[:2], ["a", "b"]))


@pytest.mark.parametrize("limit", [1, np.int64(25), 100])
def test_limit_applies_to_arrays(model, limit):
    x, y = separable(40, 0)
    limited = evaluate(model, (x, y), limit=limit)
    assert limited.confusion_matrix.tolist() == evaluate(model, (x[:limit], y[:limit])).confusion_matrix.tolist()
    assert limited.confusion_matrix.sum() == min(limit, 40)


def test_loss_that_is_not_a_number_is_null_in_json(command, tmp_path):
    with create_model("plain20", 1, seed=1) as model:
        state = model.state_dict()
        state["fc.bias"][:] = np.nan
        with pytest.warns(ResnetWarning, match="NaN"):
            model.load_state_dict(state)
        model.save(tmp_path / "damaged.safetensors")
    options = ("--dataset", "fashion-mnist", "--preprocessing", "plain:32", "--limit", 4, "--json")
    code, out, _ = command("evaluate", tmp_path / "damaged.safetensors", *options)
    found = json.loads(out)
    assert (code, found["loss"], np.sum(found["confusion_matrix"])) == (0, None, 4)


@pytest.mark.parametrize(
    ("dataset", "received"), [((1, 2, 3), "tuple of 3"), ([1], "list of 1"), (np.zeros((2, 3)), "ndarray")]
)
def test_wrong_number_of_arrays_is_rejected(model, dataset, received):
    with pytest.raises(UsageError, match=f"or the four arrays of train. Received: {received}.$"):
        evaluate(model, dataset)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 99999999999}, "batch_size must be a whole number. Received: 99999999999."),
        ({"batch_size": 2.5}, "batch_size must be .* Received: 2.5"),
        ({"limit": 0}, "limit must be a whole number. Received: 0. Allowed: 1 to"),
    ],
)
def test_number_out_of_range_is_rejected(model, arguments, message):
    with pytest.raises(UsageError, match=message):
        evaluate(model, separable(4, 0), **arguments)
