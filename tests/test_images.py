import errno
import io
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from py_djl_resnet import UsageError
from py_djl_resnet.images import decode, find_images


def write(path, pixels, **more):
    Image.fromarray(np.asarray(pixels)).save(path, **more)
    return path


def test_colour_image_has_its_channels_first(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    found = decode(write(tmp_path / "a.png", pixels))
    np.testing.assert_array_equal(found, pixels.transpose(2, 0, 1))
    assert found.flags.c_contiguous


def test_first_frame_of_a_gif_counts(tmp_path):
    frames = [Image.new("L", (4, 3), grey) for grey in (200, 50, 0)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "a.gif") as opened:
        assert opened.n_frames == 3
    assert np.unique(decode(tmp_path / "a.gif")).tolist() == [200]


def test_invert_swaps_black_and_white(tmp_path):
    pixels = np.full((4, 4), 255, np.uint8)
    pixels[1, 2] = 5
    found = decode(write(tmp_path / "a.png", pixels), invert=True)
    assert found[0, 1, 2] == 250
    assert found.sum() == 250


@pytest.mark.parametrize(
    ("mode", "channels"),
    [
        *[("1", 1), ("L", 1), ("LA", 1), ("P", 3), ("PA", 3), ("RGB", 3), ("RGBA", 3)],
        *[("RGBa", 3), ("RGBX", 3), ("CMYK", 3), ("YCbCr", 3), ("HSV", 3)],
    ],
)
def test_pillow_image_of_any_supported_mode_becomes_grey_or_rgb(mode, channels):
    image = (
        Image.new("RGB", (6, 4), "white").convert({"PA": "L", "LA": "L", "RGBa": "RGBA"}.get(mode, mode)).convert(mode)
    )
    found = decode(image)
    assert found.shape == (channels, 4, 6)
    assert (found == 255).all()


def test_pillow_image_is_not_modified():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGBA", (6, 4), (200, 100, 0, 0))
    image.info["exif"] = exif.tobytes()
    assert decode(image).shape == (3, 6, 4)
    assert (image.size, image.mode, image.getpixel((0, 0))) == ((6, 4), "RGBA", (200, 100, 0, 0))


@pytest.mark.parametrize(("deep", "byte"), [(0, 0), (128, 0), (129, 1), (32768, 128), (65406, 254), (65535, 255)])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_are_rounded_to_8(tmp_path, deep, byte, suffix):
    found = decode(write(tmp_path / f"a{suffix}", np.full((4, 4), deep, np.uint16)))
    assert found.shape == (1, 4, 4)
    assert (found == byte).all()


def test_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def refused(_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(UsageError, match=f"^Folder {re.escape(str(tmp_path))} cannot be read: Permission denied\\.$"):
        find_images([tmp_path])


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
def test_16_bits_are_read_in_either_byte_order(mode):
    deep = np.array([[0, 300], [40_000, 65_535]], np.dtype(">u2" if mode == "I;16B" else "<u2"))
    image = Image.frombytes(mode, (2, 2), deep.tobytes())
    np.testing.assert_array_equal(decode(image)[0], np.rint(deep / 257))


def tiff(file, bits, photometric, strip, sample_format=1):
    """Writes a TIFF of one strip, 4 pixels wide and 2 high."""
    tags = [(256, 4, 4), (257, 4, 2), (258, 3, bits), (259, 3, 1), (262, 3, photometric), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, 2), (279, 4, len(strip)), (339, 3, sample_format)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    header = b"II*\0" + struct.pack("<I", 8 + len(strip))
    file.write_bytes(header + strip + struct.pack("<H", len(tags)) + entries + bytes(4))
    return file


@pytest.mark.parametrize(
    ("bits", "photometric", "strip", "sample_format", "received"),
    [
        (12, 1, bytes(12), 1, "I;16, with 12 bits"),
        (16, 1, bytes(16), 2, "I. Allowed"),
        (32, 0, bytes(32), 3, "F, with 32 bits and photometric interpretation 0"),
    ],
)
def test_tiff_of_unknown_range_is_rejected(tmp_path, bits, photometric, strip, sample_format, received):
    file = tiff(tmp_path / "a.tif", bits, photometric, strip, sample_format)
    with pytest.raises(UsageError, match=rf"^Image {file} has an unsupported mode. Received: {received}"):
        decode(file)


def test_16_bit_png_from_older_pillow_versions_is_rounded_to_8_bits():
    image = Image.fromarray(np.array([[0, 300], [40_000, 65_535]], np.int32))
    assert image.mode == "I"
    image.format = "PNG"
    np.testing.assert_array_equal(decode(image)[0], [[0, 1], [156, 255]])


@pytest.mark.parametrize("mode", ["I", "LAB", "La"])
def test_pillow_image_of_another_mode_is_rejected(mode):
    with pytest.raises(
        UsageError, match=f"unsupported mode. Received: {mode}. Allowed: 1, L, .* F. Convert it to 8 bits"
    ):
        decode(Image.new(mode, (2, 2)))


def test_floats_from_0_to_1_are_rounded_to_8_bits(tmp_path):
    values = np.array([[0, 0.125, 0.25], [0.5, 0.75, 1]], np.float32)
    found = decode(write(tmp_path / "a.tif", values))
    np.testing.assert_array_equal(found[0], np.rint(values * 255))


@pytest.mark.parametrize("values", [[-0.1, 1], [0, 255], [0, np.nan], [0, np.inf]])
def test_floats_of_another_range_are_rejected(tmp_path, values):
    file = write(tmp_path / "a.tif", np.array([values], np.float32))
    with pytest.raises(UsageError, match=r"Image .*a\.tif has floats outside 0 to 1. Received: .* Scale them"):
        decode(file)


@pytest.mark.parametrize("invert", [False, True])
def test_transparent_pixels_become_black(tmp_path, invert):
    file = write(tmp_path / "a.png", np.full((2, 2, 4), (200, 200, 200, 0), np.uint8))
    np.testing.assert_array_equal(decode(file, invert=invert), np.zeros((3, 2, 2)))


@pytest.mark.parametrize(("invert", "background"), [(False, 0), (True, 255)])
def test_half_transparent_colours_are_blended_with_the_background(tmp_path, invert, background):
    Image.new("RGBA", (4, 4), (200, 100, 40, 51)).save(tmp_path / "a.png")  # an opacity of a fifth
    mixed = np.array([200, 100, 40]) / 5 + background * 4 / 5
    expected = 255 - mixed if invert else mixed
    np.testing.assert_allclose(decode(tmp_path / "a.png", invert=invert)[:, 1, 2], expected, atol=0.5)


def jpeg(kind="JPEG", **more):
    """Splits a progressive JPEG before and after its last scan."""
    content = io.BytesIO()
    Image.new("L", (64, 64)).save(content, kind, progressive=True, **more)
    whole = content.getvalue()
    start = whole.index(b"\xff\xda", whole.index(b"\xff\xda") + 2)
    end = next(i for i in range(start + 2, len(whole)) if whole[i] == 0xFF and whole[i + 1] not in (0, 0xFF))
    return whole[:end], whole[start:end], whole[end:]


@pytest.mark.parametrize("kind", ["JPEG", "MPO"])
def test_jpeg_with_too_many_scans_is_rejected_before_decoding(tmp_path, kind):
    more = {"save_all": True, "append_images": [Image.new("L", (64, 64))]} if kind == "MPO" else {}
    before, scan, after = jpeg(kind, **more)
    for count, rejected in ((50, False), (20_000, True)):
        (tmp_path / "a.jpg").write_bytes(before + scan * count + after)
        with Image.open(tmp_path / "a.jpg") as opened:
            assert opened.format == kind
        if rejected:
            with pytest.raises(UsageError, match=r"a\.jpg has more than 100 scans"):
                decode(tmp_path / "a.jpg")
        else:
            assert decode(tmp_path / "a.jpg").shape == (1, 64, 64)


@pytest.mark.parametrize(("orientation", "turned"), [(3, 2), (6, 3)])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_exif_orientation_is_applied(tmp_path, orientation, turned, suffix):
    pixels = np.zeros((8, 16), np.uint8)
    pixels[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(write(tmp_path / f"a{suffix}", pixels, exif=exif))
    np.testing.assert_allclose(found[0], np.rot90(pixels, turned).astype(float), atol=8)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n"])
def test_file_of_another_kind_is_rejected(tmp_path, content):
    file = tmp_path / "a.png"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"Image .*a\.png"):
        decode(file)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".gif"])
def test_truncated_image_is_rejected(tmp_path, suffix):
    random = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    file = write(tmp_path / f"a{suffix}", random)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(UsageError, match=rf"a\{suffix}"):
        decode(file)


def test_tiff_with_a_float_as_offset_is_rejected(tmp_path):
    file = tiff(tmp_path / "a.tif", 8, 1, bytes(8))
    offset = struct.pack("<HHII", 273, 4, 1, 8)
    assert offset in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(offset, struct.pack("<HHIf", 273, 11, 1, 8.0)))
    with pytest.raises(UsageError, match=r"Image .*a\.tif cannot be read\. It may be damaged"):
        decode(file)


@pytest.mark.parametrize("side", [9_000, 20_000])
def test_huge_image_is_rejected_before_decoding(tmp_path, side):
    file = tmp_path / "huge.png"
    Image.new("1", (side, side)).save(file)
    with pytest.raises(UsageError, match=r"too large. Received: .* Allowed: 64 megapixels"):
        decode(file)


def test_folder_stands_for_its_visible_images_sorted(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt", "._a.JPG", ".png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "inner.png").mkdir()
    assert [f.name for f in find_images([tmp_path])] == ["a.JPG", "b.png"]
    assert find_images([tmp_path / "notes.txt", tmp_path / "._a.JPG"]) == [tmp_path / "notes.txt", tmp_path / "._a.JPG"]


def test_folder_without_images_and_missing_file_are_rejected(tmp_path):
    (tmp_path / "._a.png").write_bytes(b"")
    with pytest.raises(UsageError, match="contains no images"):
        find_images([tmp_path])
    with pytest.raises(UsageError, match=r"missing.png does not exist"):
        decode(tmp_path / "missing.png")
