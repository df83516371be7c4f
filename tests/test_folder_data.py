"""Runs and evaluations on folders of images."""

import json
import os
import shlex
import shutil
import subprocess
import time

import numpy as np
import pytest
from image_folders import KINDS, fill, image, make
from PIL import Image
from state_files import write_safetensors

from py_djl_resnet import (
    Recipe,
    ResnetWarning,
    Run,
    UsageError,
    create_model,
    evaluate,
    load,
    loss_surface,
    predict,
    resume,
    train,
)
from py_djl_resnet._folder import store
from py_djl_resnet._folder.data import FolderData, examples_to_evaluate
from py_djl_resnet.data_sheet import data_sheet
from py_djl_resnet.datasets import from_arrays
from py_djl_resnet.images import decode, probe


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path, jvm):
    monkeypatch.setenv("PY_DJL_RESNET_CACHE", str(tmp_path / "cache"))


def recipe(folder, **settings):
    small = {"model": "cifar-resnet20", "epochs": 2, "batch_size": 8, "seed": 3}
    return Recipe(**{**small, "dataset": f"folder:{folder}", **settings})


def prepared(jvm, examples, steps):
    """What the loader makes of all examples."""
    sheet = jvm.bridge().sheet(examples)
    count = examples.size()
    buffer = sheet.prepared(steps, list(range(count)))
    return jvm.from_direct_buffer(buffer, (count, -1), np.float32).copy()


def odd_images(folder):
    """Writes images that are easily decoded wrongly."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image(1, size=(30, 20)).save(folder / "turned.jpg", exif=exif)
    image(2, "CMYK", (21, 33)).save(folder / "cmyk.jpg")
    Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100).save(folder / "deep.png")
    image(3, size=(28, 22)).save(folder / "plain.bmp")


@pytest.mark.filterwarnings("ignore:Images are resized")
@pytest.mark.parametrize("settings", [{"image_size": 12}, {"image_size": 40}, {}])
def test_same_image_reaches_the_network_in_training_evaluation_and_prediction(jvm, tmp_path, settings):
    data = make(tmp_path / "data", kinds=KINDS)
    for part in ("train", "test"):
        odd_images(data / part / "cat")
    own = FolderData(recipe(data, **settings), quiet=True)
    steps = own.preprocessing
    for part, examples in (("train", own.train), ("test", own.test)):
        files = [data / path for path, _ in own.layout.parts[part]]
        assert {file.name for file in files} >= {"turned.jpg", "cmyk.jpg", "deep.png", "plain.bmp"}
        of_files = [
            prepared(jvm, from_arrays((decode(file)[np.newaxis], np.zeros(1, np.int32)), ["x"], "test"), steps)
            for file in files
        ]
        np.testing.assert_array_equal(prepared(jvm, examples, steps), np.concatenate(of_files))
    evaluated, _ = examples_to_evaluate(f"folder:{data}", ["cat", "dog"], steps, None, None, limit=None, skip_bad=False)
    np.testing.assert_array_equal(prepared(jvm, evaluated, steps), prepared(jvm, own.test, steps))
    run = train(recipe=recipe(data, epochs=1, **settings), out=tmp_path / "run", progress=False)
    found = predict(run.model, files)
    true = [dict(each.top)[path.split("/")[1]] for each, (path, _) in zip(found, own.layout.parts["test"], strict=True)]
    assert run.predictions.losses == pytest.approx(-np.log(true), rel=1e-4, abs=1e-6)


def test_probe_agrees_with_decode(tmp_path):
    make(tmp_path, ("",), kinds=KINDS)
    odd_images(tmp_path / "cat")
    files = sorted((tmp_path / "cat").iterdir())
    assert len(files) == 12
    for path in files:
        with path.open("rb") as file:
            assert probe(file, path.name) == decode(path).shape


def test_run_ends_with_a_network_that_predict_and_evaluate_use(tmp_path, command):
    data = make(tmp_path / "data", classes=("cat", "dog", "fox"), count=24)
    run = train(recipe=recipe(data, epochs=10, momentum=0.9), out=tmp_path / "run", progress=False)
    assert run.recipe.dataset == f"folder:{data}"
    network = load(run.folder)
    assert network.class_names == ["cat", "dog", "fox"]
    assert run.best["test_accuracy"] > 0.9
    assert evaluate(run.folder).accuracy == pytest.approx(run.best["test_accuracy"])
    [first] = predict(run.folder, data / "test" / "fox" / "003.png")
    assert first.top[0][0] == "fox"
    # the images that it was trained on are not needed any more
    shutil.rmtree(data / "train")
    assert evaluate(run.folder).accuracy == pytest.approx(run.best["test_accuracy"])
    with pytest.raises(UsageError, match=r"data has no training images\. Add a folder train, or use --split test"):
        loss_surface(run.folder, out=tmp_path / "surface", grid=2, progress=False)
    # another folder, with some of the classes
    other = make(tmp_path / "other", ("",), classes=("cat", "dog"), count=3)
    os.rename(other / "dog", other / "fox")
    found = evaluate(run.folder, f"folder:{other}")
    assert [row["support"] for row in found.classes] == [3, 0, 3]
    code, out, _ = command("evaluate", run.folder, "--dataset", f"folder:{other}", "--limit", "4")
    assert code == 0
    assert "4 examples" in out


def test_folder_without_test_images_is_split_by_class_and_seed(tmp_path):
    data = make(tmp_path / "photos", ("",), count=10)
    run = train(recipe=recipe(data, validation=0.3, epochs=1), out=tmp_path / "run", progress=False)
    assert run.test is None
    assert "validation_accuracy" in run.history[0]
    assert not (run.folder / "test.json").exists()
    found = evaluate(run.folder)
    assert [row["support"] for row in found.classes] == [3, 3]
    assert found.accuracy == pytest.approx(run.best["validation_accuracy"])
    # by a link or as a copy, the folder is the run's as well
    os.symlink(data, tmp_path / "link")
    shutil.copytree(data, tmp_path / "copy")
    for name in ("link", "copy"):
        assert evaluate(run.folder, f"folder:{tmp_path / name}").confusion_matrix.tolist() == (
            found.confusion_matrix.tolist()
        )
    # another folder is evaluated as a whole, even one that could not be split
    again = make(tmp_path / "again", ("",), count=9)
    assert [row["support"] for row in evaluate(run.folder, f"folder:{again}").classes] == [9, 9]
    few = make(tmp_path / "few", ("",), count=1)
    assert [row["support"] for row in evaluate(run.folder, f"folder:{few}").classes] == [1, 1]


def test_images_that_a_run_held_out_are_unknown_after_a_change(tmp_path):
    data = make(tmp_path / "photos", ("",), count=10)
    run = train(recipe=recipe(data, validation=0.3, epochs=1), out=tmp_path / "run", progress=False)
    (data / "cat" / "003.png").unlink()
    with pytest.raises(UsageError, match=r"photos differ from those of the run, .* held out\. Restore them"):
        evaluate(run.folder)
    with pytest.raises(UsageError, match="differ from those of the run"):
        Run.open(run.folder).plot_mistakes()
    with pytest.raises(UsageError, match="differ from those of the run"):
        evaluate(run.model)  # in memory
    data.rename(tmp_path / "moved")
    with pytest.raises(UsageError, match=r"no longer in .*photos\. Move .* link their new folder there") as gone:
        resume(run.folder, {"epochs": 2}, progress=False)
    fill(tmp_path / "moved" / "cat", 10)
    advice = str(gone.value).split(": ")[-1].replace("/NEW/FOLDER", str(tmp_path / "moved"))
    subprocess.run(shlex.split(advice), check=True)
    assert len(resume(run.folder, {"epochs": 2}, progress=False).history) == 2


def test_training_images_do_not_replace_test_images_that_are_gone(tmp_path):
    data = make(tmp_path / "data", count=6)
    run = train(recipe=recipe(data, epochs=1), out=tmp_path / "run", progress=False)
    shutil.rmtree(data / "test")
    with pytest.raises(UsageError, match=r"data no longer has the test or validation images of the run"):
        evaluate(run.folder)
    other = make(tmp_path / "other", ("",), count=3)
    assert [row["support"] for row in evaluate(run.folder, f"folder:{other}").classes] == [3, 3]


def test_split_by_a_file_that_is_gone_names_the_file(tmp_path):
    data = make(tmp_path / "data", ("",), count=6)
    (tmp_path / "held-out.txt").write_text("0\n5\n")
    settings = {"validation": str(tmp_path / "held-out.txt"), "epochs": 1}
    run = train(recipe=recipe(data, **settings), out=tmp_path / "run", progress=False)
    assert [row["support"] for row in evaluate(run.folder).classes] == [1, 1]
    (tmp_path / "held-out.txt").unlink()
    with pytest.raises(UsageError, match="names a file that cannot be read"):
        evaluate(run.folder)


def test_landscape_of_a_changed_folder_is_rejected(tmp_path):
    data = make(tmp_path / "data", ("",), count=10)
    run = train(recipe=recipe(data, epochs=1, limit=16, image_size=8), out=tmp_path / "run", progress=False)
    options = {"grid": 2, "dimensions": 1, "progress": False}
    assert loss_surface(run.folder, out=tmp_path / "surface", **options).info["examples"] == 12
    (data / "dog" / "003.png").unlink()
    with pytest.raises(UsageError, match="unknown which of them it was trained on"):
        loss_surface(run.folder, out=tmp_path / "again", **options)


def test_files_that_are_not_images_are_counted_by_suffix(tmp_path):
    data = make(tmp_path / "photos", ("",), count=4)
    for name in ("a.heic", "b.HEIC", "notes"):
        (data / "cat" / name).write_bytes(b"x")
    warning = r"Ignored 3 files of .*photos by suffix: 2 \.heic, 1 none\. Allowed: \.bmp, \.gif"
    with pytest.warns(ResnetWarning, match=warning):
        train(recipe=recipe(data, epochs=1, image_size=8), out=tmp_path / "run", progress=False)


def test_validation_images_select_and_test_images_are_evaluated_once(tmp_path):
    data = make(tmp_path / "data", ("train", "val", "test"), count=8)
    fill(data / "test" / "dog", 5, hue=1)
    run = train(recipe=recipe(data), out=tmp_path / "run", progress=False)
    assert run.selection["on"] == "validation data"
    assert run.test["examples"] == 16
    with pytest.raises(UsageError, match="cannot be combined with a data set that has its own validation images"):
        train(recipe=recipe(data, validation=0.2), out=tmp_path / "other", progress=False)
    assert not (tmp_path / "other").exists()


def test_resumed_run_has_the_same_weights_and_names_changed_images(tmp_path):
    data = make(tmp_path / "data", kinds=KINDS, count=10)
    settings = {"image_size": 16}
    whole = train(recipe=recipe(data, epochs=2, **settings), out=tmp_path / "whole", progress=False)
    part = train(recipe=recipe(data, epochs=1, **settings), out=tmp_path / "part", progress=False)
    resumed = resume(part.folder, {"epochs": 2}, progress=False)
    expected = whole.model.state_dict()
    for name, values in resumed.model.state_dict().items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    changed = data / "train" / "dog" / "002.gif"
    content = changed.read_bytes()
    image(9, "P").save(changed)
    with pytest.raises(UsageError, match=r"train/dog/002\.gif has changed\."):
        resume(part.folder, {"epochs": 3}, progress=False)
    changed.write_bytes(content)
    assert len(resume(part.folder, {"epochs": 3}, progress=False).history) == 3
    os.remove(part.folder / "images.csv")
    (data / "test" / "cat" / "000.png").unlink()
    with pytest.raises(UsageError, match="The test data differ from those of the run"):
        resume(part.folder, {"epochs": 4}, progress=False)


def test_broken_images_are_named_or_left_out_and_counted(tmp_path, rejected, command):
    data = make(tmp_path / "data", count=6)
    fill(data / "train" / "cat" / "more", 2)
    whole = (data / "train" / "cat" / "000.png").read_bytes()
    (data / "train" / "cat" / "000.png").write_bytes(whole[: len(whole) // 2])
    (data / "test" / "dog" / "001.png").write_bytes(b"no image")
    options = ("--model", "cifar-resnet20", "--dataset", f"folder:{data}", "--epochs", 1, "--batch-size", 4)
    code, line = rejected("train", *options)
    assert code == 2
    assert "001.png is damaged or has an unsupported format" in line
    assert "--skip-bad" in line
    (data / "test" / "dog" / "001.png").unlink()
    code, line = rejected("train", *options)
    assert "000.png cannot be read" in line
    assert not (tmp_path / "runs").exists()
    (data / "test" / "dog" / "001.png").write_bytes(b"no image")
    code, _, err = command("train", *options, "--skip-bad", "--out", tmp_path / "run", "--quiet")
    assert code == 0
    assert "Left out 2 images of" in err
    assert (tmp_path / "run" / "images.csv").read_text().count("\n") == 1 + 13 + 11
    code, line = rejected("evaluate", tmp_path / "run", "--dataset", f"folder:{data / 'test'}")
    assert "001.png is damaged" in line
    with pytest.warns(ResnetWarning, match="Left out 1 image of"):
        found = evaluate(tmp_path / "run")
    assert int(found.confusion_matrix.sum()) == 11


def test_resuming_on_a_broken_image_asks_to_restore_it(tmp_path):
    data = make(tmp_path / "data", count=4)
    run = train(recipe=recipe(data, epochs=1), out=tmp_path / "run", progress=False)
    broken = data / "train" / "dog" / "002.png"
    content = broken.read_bytes()
    for damaged in (b"no image", content[: len(content) // 2]):
        broken.write_bytes(damaged)
        with pytest.raises(UsageError, match=r"002\.png .* Restore them: a run resumes only on the images"):
            resume(run.folder, {"epochs": 2}, progress=False)
    broken.write_bytes(content)
    assert len(resume(run.folder, {"epochs": 2}, progress=False).history) == 2


def test_elongated_image_is_named_or_left_out(tmp_path):
    data = make(tmp_path / "data", count=3)
    # its short side would be resized to 54 pixels
    image(1, size=(12000, 1)).save(data / "train" / "cat" / "line.png")
    message = r"line\.png cannot be stored\. An image of 3.1.12000 is too long and narrow to .* to 54\. Crop it\."
    with pytest.raises(UsageError, match=message):
        FolderData(recipe(data, image_size=48), quiet=True)
    with pytest.warns(ResnetWarning, match="Left out 1 image of"):
        assert FolderData(recipe(data, image_size=48, skip_bad=True), quiet=True).train.size() == 6


def test_what_a_killed_process_was_writing_is_removed(tmp_path):
    data = make(tmp_path / "data", count=2)
    place = tmp_path / "cache" / "images"
    place.mkdir(parents=True)
    for name, age in ((".new.images.1.tmp", 0), (".old.images.2.tmp", 2 * 86400)):
        (place / name).write_bytes(b"x")
        os.utime(place / name, (time.time() - age,) * 2)
    FolderData(recipe(data), quiet=True)
    assert [file.name for file in place.glob(".*.tmp")] == [".new.images.1.tmp"]


def test_images_are_decoded_once_and_again_after_a_change(tmp_path, monkeypatch):
    data = make(tmp_path / "data", count=3)
    decoded = []

    def counting(path):
        decoded.append(os.path.basename(path))
        return decode(path)

    monkeypatch.setattr(store, "decode", counting)
    FolderData(recipe(data), quiet=True)
    assert len(decoded) == 12
    FolderData(recipe(data, seed=9), quiet=True)
    assert len(decoded) == 12
    image(4, size=(20, 14)).save(data / "test" / "cat" / "000.png")
    FolderData(recipe(data), quiet=True)
    assert len(decoded) == 12 + 6
    assert len(list((tmp_path / "cache" / "images").glob("*.images"))) == 2
    fill(data / "train" / "cat" / "more", 1)
    FolderData(recipe(data), quiet=True)
    assert len(decoded) == 12 + 6 + 7
    assert len(list((tmp_path / "cache" / "images").glob("*.images"))) == 2
    FolderData(recipe(data, image_size=20), quiet=True)
    assert len(decoded) == 12 + 6 + 7 + 13


def test_full_disk_is_reported_before_decoding(tmp_path, monkeypatch):
    data = make(tmp_path / "data", count=3)
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(UsageError, match=r"too little space .* set PY_DJL_RESNET_CACHE to a folder on another disk"):
        FolderData(recipe(data), quiet=True)


def test_run_folder_that_exists_is_rejected_before_decoding(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "decode", lambda *_, **__: pytest.fail("decoded"))
    data = make(tmp_path / "data", count=2)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="run already exists and is not overwritten"):
        train(recipe=recipe(data), out=tmp_path / "run", progress=False)


def test_size_follows_images_or_network(tmp_path, jvm):
    same = make(tmp_path / "same", count=2)
    assert json.loads(FolderData(recipe(same), quiet=True).preprocessing)["resize"]["height"] == 14
    mixed = make(tmp_path / "mixed", count=4, kinds=KINDS)
    with pytest.warns(ResnetWarning, match="Images are resized to 32x32 pixels, the usual size of cifar-resnet20"):
        steps = json.loads(FolderData(recipe(mixed), quiet=True).preprocessing)
    assert (steps["channels"], steps["resize"]["size"], steps["crop"]["height"]) == (3, 36, 32)
    grey = make(tmp_path / "grey", count=2, kinds=KINDS[1:2])
    assert json.loads(FolderData(recipe(grey), quiet=True).preprocessing)["channels"] == 1


def test_weights_without_preprocessing_determine_the_channels(tmp_path):
    grey = make(tmp_path / "grey", count=4, kinds=KINDS[1:2])
    with create_model("cifar-resnet20", classes=2) as network:
        write_safetensors(tmp_path / "plain.safetensors", network.state_dict())
    settings = {"weights": str(tmp_path / "plain.safetensors"), "image_size": 8, "epochs": 1}
    run = train(recipe=recipe(grey, **settings), out=tmp_path / "run", progress=False)
    assert run.model.in_channels == 3
    assert predict(run.model, grey / "test" / "cat" / "000.jpg")[0].top[0][0] in ("cat", "dog")


def test_class_without_test_images_is_reported(tmp_path):
    data = make(tmp_path / "data", count=2)
    fill(data / "train" / "fox", 2)
    with pytest.warns(ResnetWarning, match="has no test images of class 'fox'"):
        FolderData(recipe(data), quiet=True)


def test_class_is_not_lost_by_broken_images_a_limit_or_a_split(tmp_path):
    data = make(tmp_path / "data", parts=("",), count=5)
    fill(data / "fox", 1)
    with pytest.raises(UsageError, match=r"limit must be at least the number of classes of .*: 2\. Allowed: 3 or more"):
        FolderData(recipe(data, limit=2), quiet=True)
    # the only image of a class is trained on
    with pytest.warns(ResnetWarning, match="No image of class 'fox' is held out, because it has too few"):
        run = train(recipe=recipe(data, validation=0.6, epochs=1), out=tmp_path / "run", progress=False)
    assert evaluate(run.folder).confusion_matrix.sum(axis=1).tolist() == [3, 3, 0]
    (data / "fox" / "000.png").write_bytes(b"broken")
    with pytest.raises(UsageError, match=r"None of the training images of class 'fox' of .* can be decoded\."):
        train(recipe=recipe(data, skip_bad=True), out=tmp_path / "again", progress=False)


@pytest.mark.parametrize("settings", [{"model": "airbench94"}, {"model": "vae-small", "optimizer": "adam", "lr": 1e-3}])
def test_networks_that_look_at_the_images_train_on_a_folder(tmp_path, settings):
    data = make(tmp_path / "data", kinds=(("png", "RGB", (32, 32)),))
    run = train(recipe=recipe(data, epochs=1, **settings), out=tmp_path / "run", progress=False)
    assert np.isfinite(run.history[0]["train_loss"])


def test_limit_keeps_all_classes(tmp_path):
    data = make(tmp_path / "data", classes=("a", "b", "c"), count=9)
    sheet = data_sheet(f"folder:{data}", recipe(data, limit=6))
    assert [row["train"] for row in sheet.classes] == [2, 2, 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"class_weights": [1, 2, 3]}, r'^"class_weights" must have a number for each class'),
        ({"freeze": "layer9"}, "layer9"),
        ({"lr_scales": "hat:2"}, "hat"),
        ({"normalize": True, "normalize_by": "0.5,0.5/1,1"}, '^"normalize_by" must have a mean and a deviation'),
        ({"validation": 0.2}, "cannot be combined with a data set that has its own validation images"),
        ({"weights": "other.safetensors"}, "--new-head"),
        ({"weights": "other.safetensors", "model": "cifar-resnet32"}, '^"weights" are those of a cifar-resnet20'),
    ],
)
@pytest.mark.filterwarnings("ignore:Images are resized")
def test_settings_that_do_not_fit_are_rejected_before_decoding(tmp_path, monkeypatch, settings, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(store, "decode", lambda *_, **__: pytest.fail("decoded"))
    with create_model("cifar-resnet20", classes=5) as network:
        network.export("other.safetensors", "safetensors")
    data = make(tmp_path / "data", ("train", "val"), kinds=KINDS)
    with pytest.raises(UsageError, match=message):
        train(recipe=recipe(data, **settings), out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_augmentation_that_does_not_fit_is_rejected_before_decoding(tmp_path, monkeypatch):
    data = make(tmp_path / "data", kinds=(("png", "RGB", (16, 16)),))
    monkeypatch.setattr("py_djl_resnet._folder.data.open_part", lambda *_, **__: pytest.fail("decoded"))
    recipe = Recipe(model="cifar-resnet20", dataset=f"folder:{data}", augment=["crop:40:reflect"])
    with pytest.raises(UsageError, match=r"^The augmentation 'crop:40:reflect' does not suit the network's images\."):
        train(recipe=recipe, out=tmp_path / "run", progress=False)


def test_settings_that_exclude_a_folder_are_rejected(tmp_path, rejected):
    data = make(tmp_path / "data", count=2)
    code, line = rejected("train", "--dataset", f"folder:{data}", "--data-dir", tmp_path)
    assert (code, line.startswith("--data-dir cannot be combined with a folder of images.")) == (2, True)
    code, line = rejected("train", "--skip-bad")
    assert line == "--skip-bad needs a folder of images as --dataset. Received: fashion-mnist."
    code, line = rejected("train", "--dataset", "folder:")
    assert line == "A folder of images needs a path. Received: 'folder:'. Allowed: folder:DIR."
    code, line = rejected("train", "--dataset", "foldr:x")
    assert line.startswith("Invalid value for --dataset. Received: 'foldr:x'. Allowed: folder:DIR, fashion-mnist,")
    code, line = rejected("train", "--dataset", "folder:nowhere")
    assert line.endswith("nowhere does not exist. Give a folder with a sub-folder of images for each class.")


def test_sheet_counts_and_measures_what_numpy_does(tmp_path, command):
    data = make(tmp_path / "data", classes=("cat", "dog"), count=5)
    (data / "train" / "cat" / "list.txt").write_text("")
    sheet = data_sheet(f"folder:{data}")
    assert sheet.classes == [{"name": "cat", "train": 5, "test": 5}, {"name": "dog", "train": 5, "test": 5}]
    assert sheet.shape == [3, 14, 20]
    pixels = np.stack([decode(file) for file in sorted((data / "train").rglob("*.png"))]) / 255
    np.testing.assert_allclose(sheet.mean, pixels.mean((0, 2, 3)), rtol=1e-9)
    np.testing.assert_allclose(sheet.deviation, pixels.std((0, 2, 3)), rtol=1e-9)
    assert sheet.ignored == 1
    first = decode(data / "train" / "dog" / "000.png").astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(sheet.images([1])[0], first)
    code, out, err = command("datasets", "show", f"folder:{data}", "--out", tmp_path / "sheet.png")
    assert code == 0
    assert "ignored files that are not images: 1\n" in out
    assert "all 2" in out
    with Image.open(tmp_path / "sheet.png") as drawn:
        assert drawn.width > 1000
    assert err.endswith(f"contact sheet: {tmp_path / 'sheet.png'}\n")
    code, out, _ = command("datasets", "show", f"folder:{data}", "--image-size", 8, "--json")
    assert json.loads(out)["preprocessing"]["crop"] == {"height": 8, "width": 8}


def test_sheet_leaves_out_bad_images_if_its_recipe_does(tmp_path):
    data = make(tmp_path / "data", count=3)
    (data / "train" / "cat" / "000.png").write_bytes(b"no image")
    with pytest.raises(UsageError, match="skip_bad"):
        data_sheet(f"folder:{data}", recipe(data))
    for base, skip_bad in ((recipe(data, skip_bad=True), False), (recipe(data), True)):
        with pytest.warns(ResnetWarning, match=r"000\.png"):
            sheet = data_sheet(f"folder:{data}", base, skip_bad=skip_bad)
        assert [row["train"] for row in sheet.classes] == [2, 3]


def test_contact_sheet_shows_images_by_class_beside_the_inputs(jvm):
    recipe = Recipe(model="fashion-net", augment=["flip:1"], normalize=True, limit=200)
    sheet = data_sheet("fashion-mnist", recipe)
    images = sheet.images(range(200))[:, 0]
    labels = np.array(sheet._images.labels())
    left, right = sheet.plot().axes
    assert [axes.get_title() for axes in (left, right)] == ["Images", "Input of fashion-net in epoch 1"]
    assert [tick.get_text() for tick in left.get_yticklabels()][:2] == ["T-shirt/top", "Trouser"]
    shown, seen = (axes.images[0].get_array() for axes in (left, right))
    for row, column in ((0, 0), (1, 5), (9, 2)):
        place = np.s_[30 * row : 30 * row + 28, 30 * column : 30 * column + 28]
        image = images[np.flatnonzero(labels == row)[column]]
        np.testing.assert_array_equal(shown[place], image)
        np.testing.assert_allclose(seen[place], image[:, ::-1], atol=1e-6)


def test_contact_sheet_says_that_it_has_not_all_classes(tmp_path):
    data = make(tmp_path, ("",), [f"class {number:02}" for number in range(22)], count=2)
    sheet = data_sheet(f"folder:{data}", Recipe(model="resnet18", image_size=16))
    assert sheet.plot().axes[0].get_title() == "Images of the first 20 of 22 classes"


def test_sheet_of_a_folder_that_is_too_small_to_split(tmp_path):
    data = make(tmp_path, ("",), count=2)
    sheet = data_sheet(f"folder:{data}", Recipe.from_file("photos"))
    assert [row["train"] for row in sheet.classes] == [2, 2]


def test_sheet_of_a_normalizing_recipe_leaves_out_images_that_a_run_holds_out(tmp_path):
    data = make(tmp_path / "photos", ("",), count=10)
    wanted = recipe(data, epochs=1, normalize=True, image_size=16)
    sheet = data_sheet(f"folder:{data}", wanted)
    run = train(recipe=wanted, out=tmp_path / "run", progress=False)
    assert sheet.preprocessing["mean"] == run.model.info["preprocessing"]["mean"]


def test_sheet_shows_what_a_normalizing_recipe_gives_the_network(jvm):
    sheet = data_sheet("fashion-mnist", Recipe(model="fashion-net", normalize=True, limit=500))
    images, inputs = sheet.images(range(500)), sheet.inputs(range(500))
    np.testing.assert_allclose(inputs, (images - images.mean()) / images.std(), atol=1e-3)
    assert sheet.preprocessing["mean"] == [pytest.approx(images.mean(), abs=5e-5)]
    assert sheet.preprocessing["deviation"] == [pytest.approx(images.std(), abs=5e-5)]
    line = f"fashion-net normalizes by mean {images.mean():.4f}, deviation {images.std():.4f}"
    assert str(sheet).splitlines()[-1] == line
    assert "normalizes" not in str(data_sheet("fashion-mnist", Recipe(limit=9)))
    augmented = data_sheet("fashion-mnist", Recipe(model="fashion-net", augment=["flip:1"], limit=500))
    np.testing.assert_array_equal(augmented.inputs(range(9)), sheet.images(range(9))[..., ::-1])


def test_show_describes_named_data_sets(command, rejected):
    code, out, _ = command("datasets", "show", "fashion-mnist", "--json")
    shown = json.loads(out)
    assert code == 0
    assert shown["classes"][9] == {"name": "Ankle boot", "train": 6000, "test": 1000}
    # published: mean 0.2860, deviation 0.3530
    assert shown["mean"] == [pytest.approx(0.2860, abs=5e-5)]
    assert shown["deviation"] == [pytest.approx(0.3530, abs=5e-5)]
    assert rejected("datasets", "show", "fashion-mnist", "--skip-bad")[1] == (
        "--skip-bad needs a folder of images as --dataset. Received: fashion-mnist."
    )
    assert rejected("datasets", "show")[1].startswith("datasets takes no arguments but: show NAME.")
    assert rejected("datasets", "--skip-bad")[1].startswith("--skip-bad needs a data set to show")
    assert rejected("datasets", "show", "fashion-mnist", "--image-size", "0") == (
        2,
        "--image-size must be a whole number. Received: 0. Allowed: 1 to 4096.",
    )


def test_settings_that_do_not_do_what_they_seem_to_cause_warnings(tmp_path):
    data = make(tmp_path / "data", count=4)
    settings = {"image_size": 8, "epochs": 1, "batch_size": 4}
    with pytest.warns(ResnetWarning) as caught:
        train(recipe=recipe(data, augment=["flip", "resized-crop"], **settings), out=tmp_path / "a", progress=False)
    assert [str(each.message) for each in caught] == [
        '"augment" flip,resized-crop: resized-crop crops the original image only if it is first, else the resized '
        "image. Put it first."
    ]
    train(recipe=recipe(data, augment=["resized-crop", "flip"], **settings), out=tmp_path / "b", progress=False)
    with pytest.warns(ResnetWarning, match='^"freeze" body:1 freezes random weights, which is useful only for '):
        train(recipe=recipe(data, freeze="body:1", **settings), out=tmp_path / "c", progress=False)


def test_images_are_shown_with_a_recipe_of_another_engine(command, jvm, tmp_path):
    data = make(tmp_path / "data")
    (tmp_path / "recipe.json").write_text('{"engine": "mxnet", "threads": 3}')
    code, _, err = command("datasets", "show", f"folder:{data}", "--recipe", "recipe.json")
    assert code == 0, err
