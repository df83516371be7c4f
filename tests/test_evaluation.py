import numpy as np
import pytest
from examples import separable

from py_djl_resnet import UsageError, create_model, evaluate


@pytest.fixture(scope="module")
def model():
    with create_model(classes=2, seed=1) as model:
        yield model


@pytest.mark.parametrize("kind", [tuple, list])
def test_pictures_and_labels_may_be_a_tuple_or_a_list(model, kind):
    x, y = separable(40, 0)
    assert evaluate(model, kind([x, y])).confusion_matrix.sum() == 40


@pytest.mark.parametrize("limit", [1, np.int64(25), 100])
def test_limit_holds_for_arrays(model, limit):
    x, y = separable(40, 0)
    limited = evaluate(model, (x, y), limit=limit)
    assert limited.confusion_matrix.tolist() == evaluate(model, (x[:limit], y[:limit])).confusion_matrix.tolist()
    assert limited.confusion_matrix.sum() == min(limit, 40)


@pytest.mark.parametrize(
    ("dataset", "received"), [((1, 2, 3), "a tuple of 3"), ([1], "a list of 1"), (np.zeros((2, 3)), "a ndarray")]
)
def test_what_is_no_pair_is_named(model, dataset, received):
    with pytest.raises(UsageError, match=f"a pair of images and labels; received {received}$"):
        evaluate(model, dataset)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"batch_size": 99999999999},
            "batch_size must be a whole number. Received: 99999999999. Allowed: 1 to 2147483647.",
        ),
        ({"batch_size": 2.5}, "batch_size must be .* Received: 2.5"),
        ({"limit": 0}, "limit must be a whole number. Received: 0. Allowed: 1 to"),
    ],
)
def test_number_that_java_could_not_take_is_named(model, arguments, message):
    with pytest.raises(UsageError, match=message):
        evaluate(model, separable(4, 0), **arguments)
