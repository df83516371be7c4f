"""Any content of a file or array is accepted, or rejected with an error of this package.

The examples are the same each time; HYPOTHESIS_PROFILE=fuzz generates many new ones.
"""

import io
import json
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from py_djl_resnet import Recipe, UsageError
from py_djl_resnet._checkpoint import recipe_settings
from py_djl_resnet.datasets import MAX_CLASSES, check_images, check_labels
from py_djl_resnet.images import decode
from py_djl_resnet.recipe import settings_of
from py_djl_resnet.runs import read_metrics, read_recipe

settings.register_profile("same", derandomize=True, database=None, deadline=None, max_examples=100)
settings.register_profile("fuzz", derandomize=False, database=None, deadline=None, max_examples=10_000)
examples = settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(list(Recipe.__dataclass_fields__)) | st.just("versions") | st.text(max_size=8)
ROW = "epoch,step,seconds,validation_seconds,examples_per_second,lr,train_loss,train_accuracy,test_loss,test_accuracy\n"
ROWS = (ROW + "1,8,1.0,1.0,60.0,0.05,0.5,0.5,0.5,0.5\n2,16,,1.0,60.0,0.05,0.5,0.5,0.5,0.5\n").encode()


def image(kind, mode="L"):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 4), np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(content, kind)
    return content.getvalue()


IMAGES = {
    "png": image("PNG"),
    "palette": image("PNG", "P"),
    "alpha": image("PNG", "RGBA"),
    "deep": image("PNG", "I;16"),
    "jpeg": image("JPEG", "RGB"),
    "gif": image("GIF", "P"),
    "bmp": image("BMP", "RGB"),
    "tiff": image("TIFF", "RGB"),
    "webp": image("WEBP", "RGB"),
}


@st.composite
def damaged(draw, content):
    """Returns `content` with bytes changed, inserted, removed or cut off."""
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


def header(metadata):
    """Returns a safetensors file without tensors, with the metadata of a checkpoint."""
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    whole = json.dumps({"__metadata__": {"py_djl_resnet": text}}).encode()
    return len(whole).to_bytes(8, "little") + whole


def read_or_rejected(read, file):
    """Returns what `read` returns, or None if it rejects the file and names it."""
    try:
        return read(file)
    except UsageError as error:
        assert file.name in str(error)  # noqa: PT017
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@examples
@given(text=st.text() | st.dictionaries(KEYS, VALUES, max_size=4).map(json.dumps))
def test_any_text_is_a_recipe_or_rejected(text):
    try:
        recipe = Recipe.from_json(text, "mine")
    except UsageError as error:
        assert str(error).startswith("mine")  # noqa: PT017 - either is right
    else:
        assert Recipe.from_json(recipe.to_json()) == recipe


RECIPE = Recipe(limit=100, checkpoint_every="60s").to_json()
CHECKPOINT = header({"run": {"recipe": json.loads(RECIPE)}})


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("recipe.json", RECIPE.encode(), settings_of),
        ("recipe.json", RECIPE.encode(), read_recipe),
        ("last.safetensors", CHECKPOINT, recipe_settings),
        ("metrics.csv", ROWS, read_metrics),
    ],
)
def test_damaged_file_of_a_run_is_read_or_rejected(folder, name, content, read):
    @examples
    @given(content=damaged(content))
    def check(content):
        (folder / name).write_bytes(content)
        read_or_rejected(read, folder / name)

    check()


@pytest.mark.parametrize("kind", list(IMAGES))
@pytest.mark.filterwarnings("ignore")
def test_damaged_image_is_read_or_rejected(folder, kind):
    file = folder / f"{kind}.bin"

    @examples
    @given(content=damaged(IMAGES[kind]))
    def check(content):
        file.write_bytes(content)
        pixels = read_or_rejected(decode, file)
        if pixels is not None:
            assert pixels.ndim == 3
            assert pixels.shape[0] in (1, 3)
            assert pixels.size > 0
            assert pixels.dtype == np.uint8

    check()


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, *chunks, depth=8, colour=0, pixels=b""):
    """Returns a PNG whose header may contradict its content."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


BOMB = zlib.compress(bytes(100_000_000), 9)

HOSTILE = {
    "65535-by-65535.png": png(65535, 65535),
    "70-megapixels.png": png(10_000, 7_000),
    "100-megabytes-of-text.png": png(4, 4, chunk(b"zTXt", b"Comment\0\0" + BOMB)),
    "more-pixels-than-announced.png": png(4, 4, pixels=bytes(100_000_000)),
    "fewer-pixels-than-announced.png": png(4000, 4000, pixels=b"\0"),
    "65535-by-65535.gif": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + b",",
    "2-to-the-31.bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, *[0] * 6),
    "a-program.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n",
}


def peak_of_reading(file):
    """Returns the memory in kB that reading an image takes, and "read" or the error."""
    script = (
        "import pathlib, re, sys\n"
        "from py_djl_resnet import UsageError\n"
        "from py_djl_resnet.images import decode\n"
        "def peak():\n"
        "    return int(re.search(r'VmHWM:\\s+(\\d+) kB', pathlib.Path('/proc/self/status').read_text())[1])\n"
        "before = peak()\n"
        "try:\n"
        "    decode(sys.argv[1])\n"
        "    result = 'read'\n"
        "except UsageError as error:\n"
        "    result = str(error)\n"
        "print(peak() - before, result)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, file], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    peak, result = ran.stdout.strip().split(" ", 1)
    return int(peak), result


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_image_takes_little_memory(folder, name):
    file = folder / name
    file.write_bytes(HOSTILE[name])
    assert file.stat().st_size < 200_000
    peak, result = peak_of_reading(file)
    assert result == "read" or str(file) in result
    assert peak < 200_000


def _of_64_megapixels(form):
    """Returns a valid image of zeros and the options to compress it best."""
    mode = {"16-bit.png": "I;16", "cmyk.tiff": "CMYK", "float.tiff": "F"}.get(form, "RGB")
    options = {"tiff": {"compression": "tiff_deflate"}, "webp": {"lossless": True}}.get(form.split(".")[-1], {})
    return Image.new(mode, (8000, 8000)), options


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
@pytest.mark.parametrize("form", ["16-bit.png", "8-bit.jpg", "8-bit.webp", "cmyk.tiff", "float.tiff"])
def test_largest_allowed_image_takes_bounded_memory(folder, form):
    largest, options = _of_64_megapixels(form)
    largest.save(folder / form, **options)
    peak, result = peak_of_reading(folder / form)
    assert result == "read"
    assert peak < 1_200_000  # kB


NUMBERS = (
    arrays.boolean_dtypes() | arrays.integer_dtypes() | arrays.unsigned_integer_dtypes() | arrays.floating_dtypes()
)
ARRAYS = arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=3))


@pytest.mark.filterwarnings("ignore::py_djl_resnet.errors.ResnetWarning")  # of large floats
@examples
@given(array=ARRAYS | VALUES | st.binary())
def test_any_array_is_images_or_rejected(array):
    try:
        images = check_images(array, "mine")
    except UsageError as error:
        assert str(error).startswith("mine")  # noqa: PT017 - either is right
    else:
        assert images.ndim == 4
        assert images.size > 0
        assert images.dtype in (np.uint8, np.float32)
        assert np.array_equal(images.ravel(), array.ravel(), equal_nan=True)


@examples
@given(labels=ARRAYS | VALUES | st.lists(st.integers(), max_size=4), count=st.integers(0, 4))
def test_anything_is_labels_or_rejected(labels, count):
    try:
        numbers = check_labels(labels, count, "mine")
    except UsageError as error:
        assert str(error).startswith("mine")  # noqa: PT017 - either is right
    else:
        assert numbers.shape == (count,)
        assert numbers.min(initial=0) >= 0
        assert numbers.max(initial=0) < MAX_CLASSES
        assert numbers.tolist() == np.asarray(labels).tolist()


def test_ragged_labels_are_rejected():
    with pytest.raises(UsageError, match=r"mine must have shape \(N,\)\. Received: list: .*inhomogeneous"):
        check_labels([1, [2, 3]], 2, "mine")


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"lr":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_deep_nesting_is_rejected(folder, content):
    file = folder / "recipe.json"
    file.write_bytes(content)
    assert read_or_rejected(settings_of, file) is None
    assert read_or_rejected(read_recipe, file) is None
    file.write_bytes(len(content).to_bytes(8, "little") + content)
    assert read_or_rejected(recipe_settings, file) is None
    file.write_bytes(header(content.decode()))
    assert read_or_rejected(recipe_settings, file) is None
