import io

import numpy as np
import pytest
from PIL import Image

from py_djl_resnet import UsageError
from py_djl_resnet.images import find_images, read_image


def write(path, pixels, **more):
    Image.fromarray(np.asarray(pixels)).save(path, **more)
    return path


def test_grey_picture_of_the_right_size_is_read_as_it_is(tmp_path):
    pixels = np.arange(28 * 28, dtype=np.uint8).reshape(28, 28)
    read = read_image(write(tmp_path / "a.png", pixels), 1, 28, 28)
    assert read.dtype == np.float32
    assert read.shape == (1, 28, 28)
    np.testing.assert_array_equal(read[0], pixels.astype(np.float32) / np.float32(255))


def test_invert_turns_black_on_white_into_white_on_black(tmp_path):
    pixels = np.full((4, 4), 255, np.uint8)
    pixels[1, 2] = 0
    read = read_image(write(tmp_path / "a.png", pixels), 1, 4, 4, invert=True)
    assert read[0, 1, 2] == 1
    assert read.sum() == 1


def test_colour_becomes_grey_for_one_channel_and_stays_for_three(tmp_path):
    pixels = np.zeros((5, 5, 3), np.uint8)
    pixels[..., 0] = 255
    file = write(tmp_path / "a.png", pixels)
    assert read_image(file, 1, 5, 5)[0, 0, 0] == pytest.approx(0.299, abs=0.01)
    np.testing.assert_array_equal(read_image(file, 3, 5, 5)[:, 0, 0], [1, 0, 0])


def test_grey_picture_serves_three_channels(tmp_path):
    read = read_image(write(tmp_path / "a.png", np.full((3, 3), 51, np.uint8)), 3, 3, 3)
    np.testing.assert_allclose(read, np.full((3, 3, 3), 0.2), atol=1e-6)


def test_scaling_down_averages(tmp_path):
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    read = read_image(write(tmp_path / "a.png", checks.astype(np.uint8)), 1, 8, 8)
    np.testing.assert_allclose(read, 0.5, atol=0.02)


def test_sixteen_bits_are_scaled_to_the_same_range(tmp_path):
    file = write(tmp_path / "a.png", np.full((4, 4), 32768, np.uint16))
    np.testing.assert_allclose(read_image(file, 1, 4, 4), 0.5, atol=0.01)


@pytest.mark.parametrize(("invert", "expected"), [(False, 0.0), (True, 0.0)])
def test_transparent_parts_become_black_background(tmp_path, invert, expected):
    file = write(tmp_path / "a.png", np.full((2, 2, 4), (200, 200, 200, 0), np.uint8))
    np.testing.assert_array_equal(read_image(file, 1, 2, 2, invert), expected)


def test_transparent_palette_is_composed(tmp_path):
    picture = Image.new("P", (2, 2), 1)
    picture.putpalette([0, 0, 0, 255, 255, 255])
    picture.save(tmp_path / "a.png", transparency=1)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 1, 2, 2), 0)


@pytest.mark.parametrize(("invert", "background"), [(False, 0), (True, 255)])
def test_half_transparent_colours_are_mixed_with_the_background(tmp_path, invert, background):
    Image.new("RGBA", (4, 4), (200, 100, 40, 51)).save(tmp_path / "a.png")  # an opacity of a fifth
    mixed = np.array([200, 100, 40]) / 5 + background * 4 / 5
    expected = (255 - mixed if invert else mixed) / 255
    pixels = read_image(tmp_path / "a.png", 3, 4, 4, invert)
    np.testing.assert_allclose(pixels[:, 1, 2], expected, atol=1 / 255)


def test_floats_are_scaled_by_their_largest_and_what_is_below_zero_is_black(tmp_path):
    values = np.array([[-1, 0, 1], [2, 3, 4]], np.float32)
    Image.fromarray(values).save(tmp_path / "a.tiff")
    expected = np.array([[0, 0, 0.25], [0.5, 0.75, 1]])
    np.testing.assert_allclose(read_image(tmp_path / "a.tiff", 1, 2, 3)[0], expected, atol=1 / 255)
    # up to 1 they are as they are
    Image.fromarray(values / 8).save(tmp_path / "b.tiff")
    np.testing.assert_allclose(read_image(tmp_path / "b.tiff", 1, 2, 3)[0], expected / 2, atol=1 / 255)


def test_jpeg_of_very_many_scans_is_refused_before_it_is_decoded(tmp_path):
    content = io.BytesIO()
    Image.new("L", (64, 64)).save(content, "JPEG", progressive=True)
    jpeg = content.getvalue()
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]  # the last one, before the end's marker
    for count, refused in ((50, False), (20_000, True)):
        (tmp_path / "a.jpg").write_bytes(jpeg[:-2] + scan * count + jpeg[-2:])
        if refused:
            with pytest.raises(UsageError, match=r"a\.jpg has more than 100 scans"):
                read_image(tmp_path / "a.jpg", 1, 8, 8)
        else:
            assert read_image(tmp_path / "a.jpg", 1, 8, 8).shape == (1, 8, 8)


def test_orientation_of_the_camera_is_applied(tmp_path):
    pixels = np.zeros((8, 16), np.uint8)
    pixels[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    file = write(tmp_path / "a.jpg", pixels, exif=exif)
    read = read_image(file, 1, 16, 8)
    assert read[0, :7].mean() > 0.9
    assert read[0, 9:].mean() < 0.1


def test_first_frame_of_an_animation_counts(tmp_path):
    frames = [Image.new("L", (4, 4), value) for value in (255, 0)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(read_image(tmp_path / "a.gif", 1, 4, 4), 1)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_file_that_is_no_picture_is_named(tmp_path, content):
    file = tmp_path / "a.png"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"a\.png"):
        read_image(file, 1, 28, 28)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".gif"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_picture_is_named(tmp_path, suffix, share):
    random = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    file = write(tmp_path / f"a{suffix}", random)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UsageError, match=rf"a\{suffix}"):
        read_image(file, 1, 28, 28)


@pytest.mark.parametrize("side", [9_000, 20_000])
def test_huge_picture_is_refused_before_it_is_decoded(tmp_path, side):
    file = tmp_path / "huge.png"
    Image.new("1", (side, side)).save(file)
    with pytest.raises(UsageError, match="too large: 64 megapixels are allowed"):
        read_image(file, 1, 28, 28)


def test_network_of_two_channels_takes_no_pictures(tmp_path):
    with pytest.raises(UsageError, match="1 or 3 channels, the network takes 2"):
        read_image(write(tmp_path / "a.png", np.zeros((2, 2), np.uint8)), 2, 2, 2)


def test_folder_stands_for_its_pictures_sorted(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "inner.png").mkdir()
    assert [f.name for f in find_images([tmp_path])] == ["a.JPG", "b.png"]
    assert find_images([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]


def test_folder_without_pictures_and_missing_file_are_named(tmp_path):
    with pytest.raises(UsageError, match="holds no pictures"):
        find_images([tmp_path])
    with pytest.raises(UsageError, match=r"missing.png does not exist"):
        find_images([tmp_path / "missing.png"])
