"""Which files of a folder are images of which class."""

import os
import re

import pytest
from image_folders import fill, image, make

from py_djl_resnet import Recipe, UsageError
from py_djl_resnet._folder.data import with_split
from py_djl_resnet._folder.layout import path_of, read_layout
from py_djl_resnet._folder.manifest import fingerprint, require_same, scan, write_manifest
from py_djl_resnet.training import checked_inputs


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PY_DJL_RESNET_CACHE", str(tmp_path / "cache"))


def rejection(folder, class_names=None):
    with pytest.raises(UsageError) as error:
        read_layout(folder, class_names)
    return str(error.value)


def test_classes_take_turns_in_each_part(tmp_path):
    make(tmp_path / "data", classes=("b", "a"), count=2)
    layout = read_layout(tmp_path / "data")
    assert layout.class_names == ["a", "b"]
    assert layout.parts["train"] == [
        ("train/a/000.png", 0),
        ("train/b/000.png", 1),
        ("train/a/001.png", 0),
        ("train/b/001.png", 1),
    ]
    assert [path for path, _ in layout.parts["test"]][:2] == ["test/a/000.png", "test/b/000.png"]


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (("train", "val"), ["train", "validation"]),
        (("train", "valid", "test"), ["train", "validation", "test"]),
        (("train",), ["train"]),
        (("",), ["train"]),
    ],
)
def test_parts_are_found_by_name(tmp_path, parts, found):
    assert list(read_layout(make(tmp_path / "data", parts)).parts) == found


def test_what_is_beside_the_parts_is_told(tmp_path):
    make(tmp_path / "data", ("train", "test"))
    make(tmp_path / "data" / "dev", ("",))
    assert read_layout(tmp_path / "data").beside == ["dev"]
    assert read_layout(make(tmp_path / "plain", ("",))).beside == []
    (tmp_path / "data" / "x.jpg").touch()
    assert "x.jpg is in no class folder." in rejection(tmp_path / "data")


def test_class_may_be_called_train(tmp_path):
    make(tmp_path, ("",), ("car", "train"))
    assert read_layout(tmp_path).class_names == ["car", "train"]


@pytest.mark.parametrize("parts", [("Train", "Test"), ("training", "testing"), ("train", "Test"), ("val", "test")])
def test_parts_with_other_names_are_not_classes(tmp_path, parts):
    make(tmp_path, parts)
    message = rejection(tmp_path)
    assert "holds folders instead of images, so it seems to be a part of the data" in message
    # the advice: either name
    for part, name in zip(parts, ("train", "test"), strict=True):
        (tmp_path / part).rename(tmp_path / f"{name}-").rename(tmp_path / name)
    assert list(read_layout(tmp_path).parts) == ["train", "test"]


def test_dangling_links_and_classes_of_the_network_are_no_parts(tmp_path):
    data = make(tmp_path / "data", ("",))
    os.symlink(tmp_path / "nowhere", data / "val")
    assert read_layout(data).class_names == ["cat", "dog"]
    (data / "val").unlink()
    fill(data / "test" / "night", 2)
    assert "seems to be a part" in rejection(data)
    assert read_layout(data, ["cat", "dog", "test"]).counts("train") == [8, 8, 2]


def test_network_needs_no_training_images_and_not_all_classes(tmp_path):
    data = make(tmp_path / "data", ("val", "test"), count=2)
    (data / "test" / "fox").mkdir()
    layout = read_layout(data, ["cat", "dog", "fox"])
    assert list(layout.parts) == ["validation", "test"]
    assert layout.counts("test") == [2, 2, 0]
    assert "seems to be a part" in rejection(data)
    assert read_layout(data, evaluates=True).class_names == ["cat", "dog", "fox"]
    # a class may be called test, too
    assert read_layout(data, ["cat", "dog", "fox", "test"]).counts("test") == [2, 2, 0, 0]


def test_stray_image_beside_classes_is_named(tmp_path):
    data = make(tmp_path / "data")
    image(1).save(data / "train" / "stray.png")
    assert "stray.png is in no class folder" in rejection(data)


def test_home_is_replaced_in_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    make(tmp_path / "photos", ("",))
    assert path_of("folder:~/photos") == tmp_path / "photos"
    recipe = Recipe(dataset="folder:~/photos")
    assert checked_inputs(None, None, recipe, None, None)[0].dataset == f"folder:{tmp_path / 'photos'}"


def test_folder_without_test_images_holds_some_out(tmp_path):
    flat, split = make(tmp_path / "flat", ("",)), make(tmp_path / "split")
    assert with_split(Recipe(dataset=f"folder:{flat}")).validation == 0.2
    assert with_split(Recipe(dataset=f"folder:{flat}", validation=0.5)).validation == 0.5
    assert with_split(Recipe(dataset=f"folder:{split}")).validation is None
    assert with_split(Recipe()).validation is None


def test_hidden_files_are_ignored_and_links_and_sub_folders_followed(tmp_path):
    data = make(tmp_path / "data", ("",), count=1)
    fill(data / "cat" / "night" / "rain", 1)
    image(1).save(data / "cat" / ".hidden.png")
    fill(data / ".trash", 1)
    (data / "cat" / "notes.txt").write_text("x")
    os.symlink(data / "dog" / "000.png", data / "dog" / "again.png")
    fill(tmp_path / "elsewhere", 1)
    os.symlink(tmp_path / "elsewhere", data / "fox")
    layout = read_layout(data)
    assert layout.class_names == ["cat", "dog", "fox"]
    assert {path for path, _ in layout.parts["train"]} == {
        "cat/000.png",
        "cat/night/rain/000.png",
        "dog/000.png",
        "dog/again.png",
        "fox/000.png",
    }
    assert layout.others == ["cat/notes.txt"]


def test_link_to_its_own_folder_is_rejected(tmp_path):
    data = make(tmp_path, ("",), count=1)
    os.symlink(data / "cat", data / "cat" / "loop")
    assert "loop is a link to a folder that contains it. Remove the link." in rejection(data)


def test_folders_without_classes_are_rejected(tmp_path):
    assert rejection(tmp_path / "nowhere").endswith(
        "nowhere does not exist. Give a folder with a sub-folder of images for each class."
    )
    assert "at least 2 classes. Received: none." in rejection(tmp_path)
    fill(tmp_path / "cat", 2)
    assert "at least 2 classes. Received: only 'cat'." in rejection(tmp_path)
    (tmp_path / "dog").mkdir()
    assert re.search(
        r"dog contains no images. Allowed: \.bmp, .*\. Add some, or remove the folder.", rejection(tmp_path)
    )
    (tmp_path / "dog").rmdir()
    image(1).save(tmp_path / "stray.jpg")
    assert "stray.jpg is in no class folder." in rejection(tmp_path)


def test_classes_of_one_part_are_rejected_unless_they_are_only_untested(tmp_path):
    data = make(tmp_path / "data")
    fill(data / "train" / "fox", 1)
    assert read_layout(data).counts("test") == [8, 8, 0]
    fill(data / "test" / "foxx", 1)
    assert "Class 'foxx' has images in" in rejection(data)
    assert "Did you mean 'fox'?" in rejection(data)
    make(tmp_path / "two", ("train", "val", "validation"))
    assert rejection(tmp_path / "two").endswith("has both val and validation. Keep one.")


def test_labels_follow_the_network_class_names(tmp_path):
    data = make(tmp_path, ("",), ("b", "d"), count=1)
    layout = read_layout(data, ["a", "b", "c", "d"])
    assert [label for _, label in layout.parts["train"]] == [1, 3]
    assert "Class 'd' of" in rejection(data, ["a", "b"])
    assert "is not a class of the network." in rejection(data, ["a", "b"])


def test_fingerprint_depends_on_content_names_and_classes(tmp_path):
    data = make(tmp_path / "data", ("",), count=2)
    layout = read_layout(data)

    def now():
        entries, problems = scan(data, layout.parts["train"], quiet=True)
        assert problems == {}
        return fingerprint(entries, layout.class_names)

    first = now()
    assert now() == first
    content = (data / "cat" / "000.png").read_bytes()
    image(77).save(data / "cat" / "000.png")
    assert now() != first
    (data / "cat" / "000.png").write_bytes(content)
    assert now() == first
    entries, _ = scan(data, layout.parts["train"], quiet=True)
    assert fingerprint(entries, ["cat", "wolf"]) != first


def test_manifest_names_what_changed(tmp_path):
    data = make(tmp_path / "data", ("",), count=2)
    table = tmp_path / "images.csv"

    def parts():
        return {"train": scan(data, read_layout(data).parts["train"], quiet=True)[0]}

    write_manifest(table, parts())
    require_same(table, data, parts())
    image(5).save(data / "dog" / "000.png")
    with pytest.raises(UsageError, match=r"from those of the run: dog/000\.png has changed\. Restore them"):
        require_same(table, data, parts())
    fill(data / "fox", 1)
    (data / "cat" / "000.png").unlink()
    with pytest.raises(UsageError, match=r"dog/000\.png has changed\. 2 others differ as well\."):
        require_same(table, data, parts())
    table.unlink()
    require_same(table, data, parts())


def test_unreadable_images_are_named(tmp_path):
    data = make(tmp_path, ("",), count=1)
    (data / "cat" / "bad.png").write_bytes(b"no image")
    os.symlink(tmp_path / "gone", data / "cat" / "gone.png")
    os.mkfifo(data / "dog" / "pipe.png")
    entries, problems = scan(data, read_layout(data).parts["train"], quiet=True)
    assert len(entries) == 2
    assert list(problems) == ["cat/bad.png", "cat/gone.png", "dog/pipe.png"]
    assert "bad.png is damaged or has an unsupported format" in problems["cat/bad.png"]
    assert "gone.png cannot be read: No such file" in problems["cat/gone.png"]
    assert "is a pipe or a device" in problems["dog/pipe.png"]
