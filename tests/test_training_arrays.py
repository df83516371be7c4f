import numpy as np
import pytest
from examples import separable

from py_djl_resnet import (
    Recipe,
    ResnetWarning,
    UsageError,
    create_model,
    evaluate,
    resume,
    train,
)

SMALL = Recipe(epochs=2, batch_size=32, lr=0.02)


def separable_colours():
    """Images of 3 channels, (N, C, H, W), with labels."""
    random = np.random.default_rng(0)
    x, y = random.integers(0, 100, (64, 3, 8, 8), np.uint8), np.arange(64) % 2
    x[y == 1, 0] += 100
    return x[:48], y[:48], x[48:], y[48:]


def test_bytes_and_floats_of_the_same_pictures_train_alike():
    x, y = separable(128, 0, np.uint8)
    recipe = SMALL.replace(epochs=1)
    of_bytes = train(dataset=(x, y, x[:32], y[:32]), recipe=recipe, progress=False)
    floats = x.astype(np.float32) / np.float32(255)
    of_floats = train(dataset=(floats, y, floats[:32], y[:32]), recipe=recipe, progress=False)
    loss = of_floats.history[0]["train_loss"]
    assert of_bytes.history[0]["train_loss"] == pytest.approx(loss, rel=1e-3)


def test_classes_are_counted_over_training_and_test_labels(arrays):
    train_x, train_y, test_x, test_y = arrays
    recipe = SMALL.replace(epochs=1)
    for labels, count in (((train_y, test_y + 3), 5), ((train_y + 5, test_y), 7)):
        dataset = (train_x, labels[0], test_x, labels[1])
        with train(dataset=dataset, recipe=recipe, progress=False).model as model:
            assert model.class_names == [str(n) for n in range(count)]


def test_bytes_as_floats_are_warned_of_once(arrays):
    train_x, train_y, test_x, test_y = arrays
    large = (train_x * np.float32(255), train_y, test_x, test_y)
    with pytest.warns(ResnetWarning, match=r"train pictures reach .* pictures / 255") as warned:
        train(dataset=large, recipe=SMALL.replace(epochs=1, lr=1e-6), progress=False).model.close()
    assert [str(warning.message).partition(" reach")[0] for warning in warned] == ["train pictures"]
    assert {warning.filename for warning in warned} == {__file__}


def test_channels_that_seem_to_come_last_are_an_error(jvm):
    pictures, labels = np.zeros((32, 8, 8, 3), np.uint8), np.arange(32) % 2
    for call in (
        lambda: train(dataset=(pictures, labels, pictures, labels), recipe=SMALL, progress=False),
        lambda: resume("nowhere", dataset=(pictures, labels, pictures, labels)),
        lambda: evaluate("nowhere", (pictures, labels)),
    ):
        with pytest.raises(UsageError, match=r"looks like \(N, H, W, C\). Say channels_last=True|does not exist"):
            call()


def test_channels_last_or_first_train_the_same(jvm, tmp_path):
    x, y, test_x, test_y = separable_colours()
    recipe = SMALL.replace(epochs=1)
    last = [images.transpose(0, 2, 3, 1) for images in (x, test_x)]
    first = train(dataset=(x, y, test_x, test_y), recipe=recipe, progress=False)
    data = (last[0], y, last[1], test_y)
    found = train(dataset=data, recipe=recipe, out=tmp_path / "run", channels_last=True, progress=False)
    losses = [[row[key] for key in ("train_loss", "test_loss")] for run in (first, found) for row in run.history]
    assert losses[0] == losses[1]
    again = resume(tmp_path / "run", {"epochs": 2}, data, channels_last=True, progress=False)
    assert len(again.history) == 2
    loss = evaluate(found.model, (last[1], test_y), channels_last=True).loss
    assert loss == evaluate(found.model, (test_x, test_y)).loss


def test_few_columns_are_no_channels_where_one_says_so(jvm):
    pictures, labels = np.zeros((16, 8, 8, 1), np.float32), np.arange(16) % 2
    with create_model("plain20", 8, 2) as model:
        with pytest.raises(UsageError, match="or, if it does have the channels first, channels_last=False"):
            evaluate(model, (pictures, labels))
        assert evaluate(model, (pictures, labels), channels_last=False).confusion_matrix.sum() == 16


def test_grey_pictures_need_no_axis_of_channels_and_no_contiguity(arrays):
    train_x, train_y, test_x, test_y = arrays
    recipe = SMALL.replace(epochs=1)
    expected = train(dataset=arrays, recipe=recipe, progress=False)
    mirrored = np.asfortranarray(train_x[:, 0])
    assert not mirrored.flags.c_contiguous
    run = train(
        dataset=(mirrored, train_y.astype(np.uint8), test_x[:, 0], test_y),
        recipe=recipe,
        progress=False,
    )
    assert run.history[0]["train_loss"] == pytest.approx(expected.history[0]["train_loss"])


def changed(arrays, index, array):
    return tuple(array if i == index else a for i, a in enumerate(arrays))


@pytest.mark.parametrize(
    ("index", "change", "message"),
    [
        (0, lambda a: a.astype(np.float64), "train pictures must have dtype uint8 or float32"),
        (0, lambda a: a.tolist(), "train pictures must be a numpy array"),
        (0, lambda a: a[0, 0], r"train pictures must have shape \(N, C, H, W\).*\(16, 16\)"),
        (0, lambda a: a[:0], "no empty axis"),
        (0, lambda a: a[:-1], "256 labels for 255 pictures"),
        (0, lambda a: a[..., :8], r"same shape.*\(1, 16, 8\).*\(1, 16, 16\)"),
        (0, lambda a: a + np.where(a == a[2, 0, 0, 1], np.nan, 0).astype("f4"), r"\(2, 0, 0, 1\)"),
        (1, lambda a: a.astype(float), "train labels must be whole numbers; received dtype float"),
        (1, lambda a: a[:, None], r"train labels must have shape \(N,\); received \(256, 1\)"),
        (1, lambda a: a - 1, "train labels must be from 0 to 1 .*received -1 at index 0"),
        (3, lambda a: a + 1, "test labels must be from 0 to 1 .*received 2 at index 1"),
    ],
)
def test_wrong_arrays_are_named(arrays, index, change, message):
    with pytest.raises(UsageError, match=message):
        train(
            dataset=changed(arrays, index, change(arrays[index])),
            recipe=SMALL,
            class_names=["up", "down"],
            progress=False,
        )


def test_wrong_number_of_arrays_is_named(arrays):
    with pytest.raises(UsageError, match=r"four arrays .*received a tuple of 2"):
        train(dataset=arrays[:2], recipe=SMALL)
