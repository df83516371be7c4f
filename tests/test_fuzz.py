"""Whatever stands in a file is read, or refused with a UsageError; the examples are the same each time."""

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from py_djl_resnet import Recipe, UsageError
from py_djl_resnet.images import read_image
from py_djl_resnet.recipe import settings_of
from py_djl_resnet.runs import read_metrics, read_recipe

same_each_time = settings(derandomize=True, database=None, deadline=None, max_examples=300)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(list(Recipe.__dataclass_fields__)) | st.just("versions") | st.text(max_size=8)
ROW = "epoch,step,seconds,validation_seconds,examples_per_second,lr,train_loss,train_accuracy,test_loss,test_accuracy\n"
ROWS = (ROW + "1,8,1.0,1.0,60.0,0.05,0.5,0.5,0.5,0.5\n2,16,,1.0,60.0,0.05,0.5,0.5,0.5,0.5\n").encode()


def picture(kind, mode="L"):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 4), np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(content, kind)
    return content.getvalue()


PICTURES = {
    "png": picture("PNG"),
    "palette": picture("PNG", "P"),
    "alpha": picture("PNG", "RGBA"),
    "deep": picture("PNG", "I;16"),
    "jpeg": picture("JPEG", "RGB"),
    "gif": picture("GIF", "P"),
    "bmp": picture("BMP", "RGB"),
    "tiff": picture("TIFF", "RGB"),
    "webp": picture("WEBP", "RGB"),
}


@st.composite
def damaged(draw, content):
    """`content` with bytes changed, put in, taken away or cut off."""
    mutant = bytearray(content)
    byte = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(mutant) - 1)))
        change = draw(st.sampled_from(["set", "set", "set", "insert", "remove", "cut"]))
        if change == "insert":
            mutant[place:place] = draw(st.lists(byte, min_size=1, max_size=4))
        elif change == "remove":
            del mutant[place : place + draw(st.integers(1, 8))]
        elif change == "cut":
            del mutant[place:]
        elif mutant:
            mutant[place] = draw(byte)
    return bytes(mutant)


def taken_or_refused(read, file):
    """What `read` makes of the file; None if it refuses it by name."""
    try:
        return read(file)
    except UsageError as error:
        assert file.name in str(error)  # noqa: PT017
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@same_each_time
@given(text=st.text() | st.dictionaries(KEYS, VALUES, max_size=4).map(json.dumps))
def test_any_text_is_a_recipe_or_is_refused(text):
    try:
        recipe = Recipe.from_json(text, "mine")
    except UsageError as error:
        assert str(error).startswith("mine")  # noqa: PT017 - both ways are right
    else:
        assert Recipe.from_json(recipe.to_json()) == recipe


@same_each_time
@given(content=damaged(Recipe(limit=100, checkpoint_every="60s").to_json().encode()))
def test_damaged_recipe_is_read_or_refused(folder, content):
    file = folder / "recipe.json"
    file.write_bytes(content)
    taken_or_refused(settings_of, file)
    taken_or_refused(read_recipe, file)


@same_each_time
@given(content=damaged(ROWS))
def test_damaged_metrics_are_read_or_refused(folder, content):
    file = folder / "metrics.csv"
    file.write_bytes(content)
    taken_or_refused(read_metrics, file)


@pytest.mark.parametrize("kind", list(PICTURES))
@pytest.mark.filterwarnings("ignore")
def test_damaged_picture_is_read_or_refused(folder, kind):
    file = folder / f"{kind}.bin"

    @same_each_time
    @given(content=damaged(PICTURES[kind]))
    def check(content):
        file.write_bytes(content)
        pixels = taken_or_refused(lambda file: read_image(file, 1, 8, 8), file)
        if pixels is not None:
            assert pixels.shape == (1, 8, 8)
            assert np.isfinite(pixels).all()
            assert pixels.min() >= 0
            assert pixels.max() <= 1

    check()
