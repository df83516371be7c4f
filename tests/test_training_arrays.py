"""Training, resuming and evaluating on a caller's arrays."""

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
    """Returns colour images (N, C, H, W) and labels for training and test."""
    random = np.random.default_rng(0)
    x, y = random.integers(0, 100, (64, 3, 8, 8), np.uint8), np.arange(64) % 2
    x[y == 1, 0] += 100
    return x[:48], y[:48], x[48:], y[48:]


def test_classes_are_counted_over_training_and_test_labels(arrays):
    train_x, train_y, test_x, test_y = arrays
    recipe = SMALL.replace(epochs=1)
    for labels, count in (((train_y, test_y + 3), 5), ((train_y + 5, test_y), 7)):
        dataset = (train_x, labels[0], test_x, labels[1])
        with train(dataset=dataset, recipe=recipe, progress=False).model as model:
            assert model.class_names == [str(n) for n in range(count)]


def test_float32_up_to_255_warns_once(arrays):
    train_x, train_y, test_x, test_y = arrays
    large = (train_x * np.float32(255), train_y, test_x, test_y)
    with pytest.warns(
        ResnetWarning, match=r"The training images reach .*\. Divide 0-255 values by 255 first\."
    ) as warned:
        train(dataset=large, recipe=SMALL.replace(epochs=1, lr=1e-6), progress=False).model.close()
    assert [str(warning.message).partition(" reach")[0] for warning in warned] == ["The training images"]
    assert {warning.filename for warning in warned} == {__file__}


def test_channels_last_must_be_explicit(trained):
    images, labels = np.zeros((32, 8, 8, 3), np.uint8), np.arange(32) % 2
    for call in (
        lambda: train(dataset=(images, labels, images, labels), recipe=SMALL, progress=False),
        lambda: evaluate(trained.model, (images, labels)),
    ):
        with pytest.raises(UsageError, match=r"looks like \(N, H, W, C\)\. Pass channels_last=True"):
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


def test_narrow_images_need_channels_last_false(jvm):
    images, labels = np.zeros((16, 8, 8, 1), np.float32), np.arange(16) % 2
    with create_model("plain20", 8, 2) as model:
        with pytest.raises(UsageError, match="or channels_last=False if the channels do come first"):
            evaluate(model, (images, labels))
        assert evaluate(model, (images, labels), channels_last=False).confusion_matrix.sum() == 16


def test_grey_images_need_no_channel_axis_and_no_contiguity(arrays):
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
        (
            0,
            lambda a: a.astype(np.float64),
            "training images must have dtype uint8 .* or float32. Received: float64. Pass",
        ),
        (0, lambda a: a[0, 0], r"training images must have shape \(N, C, H, W\).*\(16, 16\)"),
        (0, lambda a: a[:-1], "256 labels for 255 images"),
        (0, lambda a: a[..., :8], "same size.*16.8.*16.16"),
        (2, lambda a: (a * 255).astype(np.uint8), "same dtype. Received: float32 and uint8"),
        (
            0,
            lambda a: a + np.where(a == a[2, 0, 0, 1], np.nan, 0).astype("f4"),
            "Invalid training data.* NaN in image 2",
        ),
        (
            1,
            lambda a: a.astype(float),
            r"training labels must be whole numbers. Received: float64. Pass labels.astype\('int64'\)",
        ),
        (1, lambda a: a[:, None], r"labels must have shape \(N,\)\. Received: \(256, 1\)\. Pass labels\.ravel\(\)\.$"),
        (1, lambda a: np.eye(2)[a], r"Received: \(256, 2\)\. For one-hot labels pass labels\.argmax\(1\)\.$"),
        (3, lambda a: a + 1, "Invalid test data.* 2"),
    ],
)
def test_invalid_array_is_rejected(arrays, index, change, message):
    with pytest.raises(UsageError, match=message):
        train(
            dataset=changed(arrays, index, change(arrays[index])),
            recipe=SMALL,
            class_names=["up", "down"],
            progress=False,
        )


def test_one_class_is_rejected(arrays, tmp_path):
    train_x, _, test_x, _ = arrays
    data = (train_x, np.ones(len(train_x), int), test_x, np.ones(len(test_x), int))
    with pytest.raises(UsageError, match=r"at least 2 classes\. Received: 256 .*label 1"):
        train(dataset=data, recipe=SMALL, out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_label_255_warns_about_empty_classes(arrays):
    train_x, train_y, test_x, test_y = arrays
    with pytest.warns(ResnetWarning, match="254 of 256 classes have no example"):
        train(dataset=(train_x, 255 * train_y, test_x, 255 * test_y), recipe=SMALL.replace(epochs=1), progress=False)


def test_30000_classes_train():
    x, y = separable(64, 0, np.uint8)
    recipe = SMALL.replace(model="cifar-resnet20", epochs=1, limit=64)
    names = [f"class {n}" for n in range(30_000)]
    run = train(dataset=(x, 29_999 * y, x, 29_999 * y), recipe=recipe, class_names=names, progress=False)
    with run.model as model:
        assert model.class_names[-1] == "class 29999"
    assert run.history[0]["test_loss"] is not None


def test_advice_for_text_labels_gives_correct_predictions(arrays):
    words = [np.where(labels, "down", "up") for labels in (arrays[1], arrays[3])]
    with pytest.raises(UsageError, match=r"np\.unique\(training_labels\).*np\.searchsorted\(names, labels\)"):
        train(dataset=(arrays[0], words[0], arrays[2], words[1]), recipe=SMALL, progress=False)
    names = np.unique(words[0])
    data = (arrays[0], np.searchsorted(names, words[0]), arrays[2], np.searchsorted(names, words[1]))
    with train(dataset=data, recipe=SMALL, class_names=names, progress=False).model as model:
        predicted = np.array(model.class_names)[model(arrays[2]).argmax(1)]
    assert np.mean(predicted == words[1]) > 0.9


def test_advice_for_int64_images_trains_like_uint8():
    x, y = separable(128, 0, np.uint8)
    recipe = SMALL.replace(epochs=1)
    wide = x.astype(np.int64)
    with pytest.raises(UsageError, match=r"Received: int64\. Pass x\.astype\('uint8'\)"):
        train(dataset=(wide, y, wide, y), recipe=recipe, progress=False)
    losses = [
        train(dataset=(images, y, images, y), recipe=recipe, progress=False).history[0]["train_loss"]
        for images in (x, wide.astype("uint8"))
    ]
    assert losses[0] == losses[1]
