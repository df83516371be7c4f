"""The inputs of predict, and its results if some images are bad."""

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
    """Three images, a truncated one, and a hidden file of macOS."""
    folder = tmp_path / "images"
    folder.mkdir()
    for index, name in enumerate(("a.png", "b.png", "d.png")):
        Image.fromarray(pixels(30 + index, 40, 3)).save(folder / name)
    (folder / "c.png").write_bytes((folder / "a.png").read_bytes()[:400])
    (folder / "._a.png").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X        ")
    return folder


def test_one_bad_image_is_reported_and_the_others_are_classified(model, folder):
    with pytest.warns(ResnetWarning, match=r"^Skipped: Image .*c\.png cannot be read: ") as warned:
        found = model.predict(folder)
    assert [p.image.rpartition("/")[2] for p in found] == ["a.png", "b.png", "d.png"]
    assert len(warned) == 1
    assert warned[0].filename == __file__


def test_bad_images_only_are_an_error(model, folder):
    bad = folder / "c.png"
    with pytest.raises(UsageError, match=r"c\.png cannot be read: .*truncated.$"):
        model.predict(bad)
    with pytest.raises(UsageError, match=r"c\.png cannot be read: .*truncated. \(and 1 more\)"):
        model.predict([bad, bad])


def test_command_reports_a_bad_image_and_classifies_the_others(command, model, folder, tmp_path):
    model.save(tmp_path / "net.safetensors")
    code, out, err = command("predict", "net.safetensors", "images", "--top-k", 1)
    assert [line.split(":")[0] for line in out.splitlines()] == ["images/a.png", "images/b.png", "images/d.png"]
    assert err.startswith("py-djl-resnet: error: Image images/c.png cannot be read")
    assert err.count("\n") == 1
    assert code == 1
    code, out, err = command("predict", "net.safetensors", "images/c.png")
    assert (code, out) == (2, "")
    code, out, _ = command("predict", "net.safetensors", "images", "--json")
    assert (code, len(json.loads(out))) == (1, 3)
    code, out, err = command("predict", "net.safetensors", "images/missing.png", "images/a.png")
    assert (code, out.split(":")[0]) == (1, "images/a.png")
    assert "Image images/missing.png does not exist" in err


def test_file_name_that_is_not_utf8_is_printed_with_escapes(command, model, folder, tmp_path):
    model.save(tmp_path / "net.safetensors")
    (folder / "a.png").rename(folder / "e\udce9.png")
    (folder / "c.png").rename(folder / "f\udce9.png")
    code, out, err = command("predict", "net.safetensors", "images", "--top-k", 1)
    assert code == 1
    assert [line.split(":")[0] for line in out.splitlines()] == ["images/b.png", "images/d.png", r"images/e\xe9.png"]
    assert err.startswith(r"py-djl-resnet: error: Image images/f\xe9.png cannot be read")


def test_image_that_cannot_be_preprocessed_is_reported(model):
    long = np.zeros((1, 600_000, 3), np.uint8)
    how = {"channels": 3, "resize": {"to": "short-side", "size": 9000, "interpolation": "bilinear", "rounded": True}}
    how["crop"] = {"height": 8, "width": 8}
    with pytest.warns(ResnetWarning, match=r"(?i)images\[1\]: .*elongated"):
        found = model.predict([pixels(9, 9, 3), long, pixels(12, 9, 3)], preprocessing=how)
    assert [p.image for p in found] == ["images[0]", "images[2]"]


def test_files_folders_arrays_and_pillow_images_can_be_mixed(model, folder):
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
        ((2, 6, 7), ["images[0]", "images[1]"]),
        ((2, 6, 7, 3), ["images[0]", "images[1]"]),
        ((20, 6, 7, 1), [f"images[{i}]" for i in range(20)]),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "float16"])
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


def test_array_of_ambiguous_shape_is_rejected(model, grey):
    with pytest.raises(UsageError, match=r"ambiguous. Received: shape \(3, 6, 7\). For 3 grey images pass"):
        model.predict(pixels(3, 6, 7))
    assert len(grey.predict(pixels(3, 6, 7))) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, 3, 8, 9), np.uint8), r"Received: \(2, 3, 8, 9\). Allowed: .* channels last, where C is 1 or 3.$"),
        ([np.zeros((2, 8, 9), np.uint8)], r"images\[0\] .*\(2, 8, 9\). Allowed: \(H, W\) or \(H, W, C\), "),
        (
            np.full((8, 9), 7),
            r"dtype uint8 \(0 to 255\) or a float dtype \(0 to 1\). Received: int64. Pass x.astype\('uint8'\)",
        ),
        (np.full((8, 9), 7.5), "from 0 to 1. Received: 7.5 to 7.5. Pass 0 to 255 as uint8"),
        (np.full((8, 9), np.nan), "must be finite"),
        ([], r"images must contain at least one image. Received: \[\]"),
        (None, "images is not an image. Received: None. Allowed: files, folders, Pillow images, arrays.$"),
        ([[3, 4]], r"images\[0\] is not an image. Received: \[3, 4\]. .* Pass numbers as one array."),
        ("missing.png", "Image missing.png does not exist"),
    ],
)
def test_object_of_another_kind_is_rejected(model, given, message):
    with pytest.raises(UsageError, match=message):
        model.predict(given)


def test_invert_swaps_light_and_dark(model):
    dark = pixels(8, 9, 3)
    (light,) = model.predict(255 - dark)
    for given in (dark, [dark], Image.fromarray(dark)):
        assert model.predict(given, invert=True)[0].top == light.top
    (found,) = model.predict(dark / 255, invert=True)
    assert dict(found.top) == {name: pytest.approx(value, abs=1e-4) for name, value in light.top}


def test_top_k_above_the_number_of_classes_returns_all(model):
    (found,) = model.predict(pixels(8, 9), top_k=100)
    assert sorted(name for name, _ in found.top) == ["cat", "dog", "owl"]
    assert [p for _, p in found.top] == sorted((p for _, p in found.top), reverse=True)
    assert sum(p for _, p in found.top) == pytest.approx(1)
    with pytest.raises(UsageError, match="top_k must be a whole number"):
        model.predict(pixels(8, 9), top_k=0)
