"""What predict takes, and how it answers where some images are bad."""

import json

import numpy as np
import pytest
from PIL import Image

import py_djl_resnet as resnet
from py_djl_resnet import ResnetWarning, UsageError


@pytest.fixture(scope="module")
def model():
    with resnet.create_model("cifar-resnet20", 3, class_names=["cat", "dog", "owl"], seed=3) as model:
        yield model


@pytest.fixture(scope="module")
def grey():
    with resnet.create_model("cifar-resnet20", 1, 3) as model:
        yield model


def pixels(*shape):
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Three images, a truncated one, and what macOS leaves."""
    folder = tmp_path / "images"
    folder.mkdir()
    for index, name in enumerate(("a.png", "b.png", "d.png")):
        Image.fromarray(pixels(30 + index, 40, 3)).save(folder / name)
    (folder / "c.png").write_bytes((folder / "a.png").read_bytes()[:400])
    (folder / "._a.png").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X        ")
    return folder


def test_one_bad_image_is_reported_and_the_others_are_classified(model, folder):
    with pytest.warns(ResnetWarning, match=r"image .*c\.png cannot be read: .*; left out") as warned:
        found = model.predict(folder)
    assert [p.image.rpartition("/")[2] for p in found] == ["a.png", "b.png", "d.png"]
    assert len(warned) == 1
    assert warned[0].filename == __file__


def test_no_image_that_can_be_read_is_an_error(model, folder):
    bad = folder / "c.png"
    with pytest.raises(UsageError, match=r"c\.png cannot be read: .*truncated$"):
        model.predict(bad)
    with pytest.raises(UsageError, match=r"c\.png cannot be read: .*truncated \(and 1 more\)"):
        model.predict([bad, bad])


def test_command_reports_a_bad_image_and_classifies_the_others(command, model, folder, tmp_path):
    model.save(tmp_path / "net.safetensors")
    code, out, err = command("predict", "net.safetensors", "images", "--top-k", 1)
    assert [line.split(":")[0] for line in out.splitlines()] == ["images/a.png", "images/b.png", "images/d.png"]
    assert err.startswith("py-djl-resnet: error: image images/c.png cannot be read")
    assert err.count("\n") == 1
    assert code == 1
    code, out, err = command("predict", "net.safetensors", "images/c.png")
    assert (code, out) == (2, "")
    code, out, _ = command("predict", "net.safetensors", "images", "--json")
    assert (code, len(json.loads(out))) == (1, 3)


def test_an_image_that_cannot_be_prepared_is_reported(model):
    long = np.zeros((1, 600_000, 3), np.uint8)
    how = {"channels": 3, "resize": {"to": "short-side", "size": 9000, "interpolation": "bilinear", "rounded": True}}
    how["crop"] = {"height": 8, "width": 8}
    with pytest.warns(ResnetWarning, match=r"images\[1\]: An image of .* too elongated"):
        found = model.predict([pixels(9, 9, 3), long, pixels(12, 9, 3)], preprocessing=how)
    assert [p.image for p in found] == ["images[0]", "images[2]"]


def test_files_folders_arrays_and_images_of_pillow_may_be_mixed(model, folder):
    (folder / "c.png").unlink()
    given = [folder / "d.png", Image.fromarray(pixels(8, 9)), folder, pixels(9, 9), pixels(5, 5, 1) / 255]
    found = model.predict(given, top_k=1)
    names = [p.image.rpartition("/")[2] for p in found]
    assert names == ["d.png", "images[1]", "a.png", "b.png", "d.png", "images[3]", "images[4]"]
    assert found[0].top == found[4].top
    for index, prediction in enumerate(found):
        one = [given[0], given[1], folder / "a.png", folder / "b.png", folder / "d.png", given[3], given[4]][index]
        ((name, probability),) = model.predict(one, top_k=1)[0].top
        assert name == prediction.top[0][0]
        assert probability == pytest.approx(prediction.top[0][1], abs=1e-5)


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((6, 7), ["images"]),
        ((6, 7, 3), ["images"]),
        ((6, 7, 1), ["images"]),
        ((2, 6, 7), ["images[0]", "images[1]"]),
        ((1, 6, 7), ["images"]),
        ((2, 6, 7, 3), ["images[0]", "images[1]"]),
        ((20, 6, 7, 1), [f"images[{i}]" for i in range(20)]),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "float16"])
def test_arrays_have_their_channels_last(model, shape, names, dtype):
    array = pixels(*shape)
    given = array if dtype == "uint8" else (array / 255).astype(dtype)
    found = model.predict(given, top_k=3)
    assert [p.image for p in found] == names
    # an image alone, as bytes of three channels
    first = array.reshape(-1, *shape[-2:])[0] if array.ndim == 3 and shape[-1] == 7 else array
    first = first[0] if first.ndim == 4 else first
    first = first if first.ndim == 3 else first[..., np.newaxis]
    (alone,) = model.predict(np.broadcast_to(first, (*first.shape[:2], 3)))
    expected = dict(alone.top)
    assert {name: pytest.approx(expected[name], abs=2e-3) for name in expected} == dict(found[0].top)


def test_three_grey_images_and_channels_first_are_told_apart(model, grey):
    with pytest.raises(UsageError, match=r"\(3, 6, 7\) may be 3 grey images or one with its channels first"):
        model.predict(pixels(3, 6, 7))
    assert len(grey.predict(pixels(3, 6, 7))) == 3


def test_a_network_of_other_channels_takes_arrays_of_as_many():
    with resnet.create_model("cifar-resnet20", 2, 3) as model:
        assert len(model.predict(pixels(2, 8, 9, 2))) == 2
        with pytest.raises(UsageError, match="Images of 3 channels cannot become images of 2"):
            model.predict(Image.new("RGB", (8, 8)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, 3, 8, 9), np.uint8), r"channels last, C being 1 or 3; received \(2, 3, 8, 9\)"),
        (np.zeros((0, 8, 9), np.uint8), r"no empty axis .*received \(0, 8, 9\)"),
        (np.zeros(8, np.uint8), r"must have shape \(H, W\), .*received \(8,\)"),
        ([np.zeros((2, 8, 9), np.uint8)], r"images\[0\] must have shape \(H, W\) or \(H, W, C\), .*\(2, 8, 9\)"),
        (np.zeros((8, 9), np.int64), r"dtype uint8 \(0 to 255\) or a float dtype \(0 to 1\); received int64"),
        (np.full((8, 9), 7.5), "from 0 to 1; received 7.5 to 7.5. Give bytes as uint8"),
        (np.full((8, 9), -0.1), "from 0 to 1; received -0.1 to -0.1"),
        (np.full((8, 9), np.nan), "must be finite numbers"),
        ([], r"images must be at least one image; received \[\]"),
        (None, "images must be files, folders, images of Pillow or arrays; received None"),
        ([3], r"images\[0\] must be files, folders, .*; received 3"),
        (["a\0.png"], r"images\[0\] must be a path"),
        ("missing.png", "image missing.png does not exist"),
    ],
)
def test_what_is_no_image_is_named(model, given, message):
    with pytest.raises(UsageError, match=message):
        model.predict(given)


def test_invert_swaps_light_and_dark(model):
    dark = pixels(8, 9, 3)
    (light,) = model.predict(255 - dark)
    for given in (dark, [dark], Image.fromarray(dark)):
        assert model.predict(given, invert=True)[0].top == light.top
    (found,) = model.predict(dark / 255, invert=True)
    assert dict(found.top) == {name: pytest.approx(value, abs=1e-4) for name, value in light.top}


def test_top_k_is_at_most_the_number_of_classes(model):
    (found,) = model.predict(pixels(8, 9), top_k=100)
    assert sorted(name for name, _ in found.top) == ["cat", "dog", "owl"]
    assert [p for _, p in found.top] == sorted((p for _, p in found.top), reverse=True)
    assert sum(p for _, p in found.top) == pytest.approx(1)
    with pytest.raises(UsageError, match="top_k must be a whole number"):
        model.predict(pixels(8, 9), top_k=0)
