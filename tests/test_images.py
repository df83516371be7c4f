import io
import struct

import numpy as np
import pytest
from PIL import Image

from py_djl_resnet import UsageError
from py_djl_resnet.images import decode, find_images


def write(path, pixels, **more):
    Image.fromarray(np.asarray(pixels)).save(path, **more)
    return path


def test_grey_image_is_decoded_as_it_is(tmp_path):
    pixels = np.arange(28 * 20, dtype=np.uint16).astype(np.uint8).reshape(28, 20)
    found = decode(write(tmp_path / "a.png", pixels))
    assert found.dtype == np.uint8
    assert found.shape == (1, 28, 20)
    np.testing.assert_array_equal(found[0], pixels)


def test_colours_come_before_height_and_width(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    found = decode(write(tmp_path / "a.png", pixels))
    np.testing.assert_array_equal(found, pixels.transpose(2, 0, 1))
    assert found.flags.c_contiguous


def test_invert_turns_black_on_white_into_white_on_black(tmp_path):
    pixels = np.full((4, 4), 255, np.uint8)
    pixels[1, 2] = 5
    found = decode(write(tmp_path / "a.png", pixels), invert=True)
    assert found[0, 1, 2] == 250
    assert found.sum() == 250


@pytest.mark.parametrize(
    ("mode", "channels"),
    [("1", 1), ("L", 1), ("LA", 1), ("P", 3), ("PA", 3), ("RGB", 3), ("RGBA", 3), ("CMYK", 3), ("YCbCr", 3)],
)
def test_images_of_pillow_of_every_mode_give_grey_or_colours(mode, channels):
    image = Image.new("RGB", (6, 4), "white").convert("L" if mode in ("PA", "LA") else mode).convert(mode)
    found = decode(image)
    assert found.shape == (channels, 4, 6)
    assert (found == 255).all()


def test_an_image_of_pillow_is_left_as_it_is():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGBA", (6, 4), (200, 100, 0, 0))
    image.info["exif"] = exif.tobytes()
    assert decode(image).shape == (3, 6, 4)
    assert (image.size, image.mode, image.getpixel((0, 0))) == ((6, 4), "RGBA", (200, 100, 0, 0))


@pytest.mark.parametrize(("deep", "byte"), [(0, 0), (128, 0), (129, 1), (32768, 128), (65406, 254), (65535, 255)])
def test_sixteen_bits_are_rounded_to_eight(tmp_path, deep, byte):
    found = decode(write(tmp_path / "a.png", np.full((4, 4), deep, np.uint16)))
    assert found.shape == (1, 4, 4)
    assert (found == byte).all()


@pytest.mark.parametrize("invert", [False, True])
def test_transparent_parts_become_black_background(tmp_path, invert):
    file = write(tmp_path / "a.png", np.full((2, 2, 4), (200, 200, 200, 0), np.uint8))
    np.testing.assert_array_equal(decode(file, invert=invert), np.zeros((3, 2, 2)))


def test_transparent_palette_is_composed(tmp_path):
    picture = Image.new("P", (2, 2), 1)
    picture.putpalette([0, 0, 0, 255, 255, 255])
    picture.save(tmp_path / "a.png", transparency=1)
    np.testing.assert_array_equal(decode(tmp_path / "a.png"), np.zeros((3, 2, 2)))


@pytest.mark.parametrize(("invert", "background"), [(False, 0), (True, 255)])
def test_half_transparent_colours_are_mixed_with_the_background(tmp_path, invert, background):
    Image.new("RGBA", (4, 4), (200, 100, 40, 51)).save(tmp_path / "a.png")  # an opacity of a fifth
    mixed = np.array([200, 100, 40]) / 5 + background * 4 / 5
    expected = 255 - mixed if invert else mixed
    np.testing.assert_allclose(decode(tmp_path / "a.png", invert=invert)[:, 1, 2], expected, atol=0.5)


def test_floats_are_scaled_by_their_largest_and_what_is_below_zero_is_black(tmp_path):
    values = np.array([[-1, 0, 1], [2, 3, 4]], np.float32)
    Image.fromarray(values).save(tmp_path / "a.tiff")
    expected = np.array([[0, 0, 64], [128, 191, 255]])
    np.testing.assert_array_equal(decode(tmp_path / "a.tiff")[0], expected)
    # up to 1 they are as they are
    Image.fromarray(values / 8).save(tmp_path / "b.tiff")
    np.testing.assert_array_equal(decode(tmp_path / "b.tiff")[0], [[0, 0, 32], [64, 96, 128]])


def jpeg(kind="JPEG", **more):
    """A progressive JPEG, up to its last scan, and that scan, without the end's marker."""
    content = io.BytesIO()
    Image.new("L", (64, 64)).save(content, kind, progressive=True, **more)
    whole = content.getvalue()
    start = whole.index(b"\xff\xda", whole.index(b"\xff\xda") + 2)
    end = next(i for i in range(start + 2, len(whole)) if whole[i] == 0xFF and whole[i + 1] not in (0, 0xFF))
    return whole[:end], whole[start:end], whole[end:]


@pytest.mark.parametrize("kind", ["JPEG", "MPO"])
def test_jpeg_of_very_many_scans_is_rejected_before_it_is_decoded(tmp_path, kind):
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


@pytest.mark.parametrize(("orientation", "turned"), [(1, 0), (3, 2), (6, 3), (8, 1)])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_orientation_of_the_camera_is_applied(tmp_path, orientation, turned, suffix):
    pixels = np.zeros((8, 16), np.uint8)
    pixels[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(write(tmp_path / f"a{suffix}", pixels, exif=exif))
    np.testing.assert_allclose(found[0], np.rot90(pixels, turned).astype(float), atol=8)


def test_first_frame_of_an_animation_counts(tmp_path):
    frames = [Image.new("L", (4, 4), value) for value in (255, 0)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (decode(tmp_path / "a.gif") == 255).all()


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_file_that_is_no_image_is_named(tmp_path, content):
    file = tmp_path / "a.png"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"image .*a\.png"):
        decode(file)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".gif"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_image_is_named(tmp_path, suffix, share):
    random = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    file = write(tmp_path / f"a{suffix}", random)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UsageError, match=rf"a\{suffix}"):
        decode(file)


def test_tiff_with_a_fraction_for_an_offset_is_named(tmp_path):
    place = struct.unpack("<I", struct.pack("<f", 8.0))[0]
    tags = [(256, 4, 8), (257, 4, 8), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 11, place), (277, 3, 1)]
    tags += [(278, 4, 8), (279, 4, 64)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    file = tmp_path / "a.tif"
    file.write_bytes(b"II*\0" + struct.pack("<I", 72) + bytes(64) + struct.pack("<H", len(tags)) + entries + bytes(4))
    with pytest.raises(UsageError, match=r"image .*a\.tif cannot be read"):
        decode(file)


@pytest.mark.parametrize("side", [9_000, 20_000])
def test_huge_image_is_rejected_before_it_is_decoded(tmp_path, side):
    file = tmp_path / "huge.png"
    Image.new("1", (side, side)).save(file)
    with pytest.raises(UsageError, match="too large: 64 megapixels are allowed"):
        decode(file)


def test_folder_stands_for_its_images_sorted(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt", "._a.JPG", ".png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "inner.png").mkdir()
    assert [f.name for f in find_images([tmp_path])] == ["a.JPG", "b.png"]
    assert find_images([tmp_path / "notes.txt", tmp_path / "._a.JPG"]) == [tmp_path / "notes.txt", tmp_path / "._a.JPG"]


def test_folder_without_images_and_missing_file_are_named(tmp_path):
    (tmp_path / "._a.png").write_bytes(b"")
    with pytest.raises(UsageError, match="holds no images"):
        find_images([tmp_path])
    with pytest.raises(UsageError, match=r"missing.png does not exist"):
        find_images([tmp_path / "missing.png"])
