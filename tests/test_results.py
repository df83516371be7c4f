"""What a run shows at its end: predictions, confusion matrix, mistakes, report."""

import html
import json
import re
import shutil

import numpy as np
import pytest
from examples import separable
from image_folders import make
from PIL import Image

from py_djl_resnet import Predictions, Recipe, ResnetWarning, Run, UsageError, evaluate, train
from py_djl_resnet._plotting.mistakes import plot_mistakes
from py_djl_resnet.predictions import read_predictions
from py_djl_resnet.report import draw_results

NAMES = ["cat", "dog", "owl"]
TEXT = """epoch,example,label,predicted,probability,loss
4,0,0,0,0.75,0.25
4,1,1,2,0.5,1.5
4,2,2,2,0.875,0.125
4,3,0,1,0.625,2.5
4,4,1,0,0.5,0.75
"""


def test_predictions_count_the_confusions_and_sort_the_mistakes():
    predictions = read_predictions(TEXT, NAMES, "here")
    assert predictions.epoch == 4
    np.testing.assert_array_equal(predictions.confusion_matrix, [[1, 1, 0], [1, 0, 1], [0, 0, 1]])
    np.testing.assert_array_equal(predictions.mistakes(), [3, 1, 4])
    np.testing.assert_array_equal(predictions.mistakes(2), [3, 1])
    assert predictions.plot_confusion().axes[0].get_title() == "Epoch 4: accuracy 40.0%, n = 5"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a,b\n1,2\n", "the columns are a, b"),
        (TEXT.replace("4,3,0", "4,3,7"), "a class is not from 0 to 2"),
        (TEXT + "4,5\n", "zip"),
        (TEXT.replace("0.75", "x"), "could not convert"),
    ],
)
def test_damaged_predictions_are_rejected(text, problem):
    with pytest.raises(UsageError, match=f"^here is not a table of predictions: .*{problem}"):
        read_predictions(text, NAMES, "here")


@pytest.mark.parametrize("channels", [1, 3])
def test_mistakes_show_the_images_with_both_classes(channels):
    predictions = read_predictions(TEXT, NAMES, "here")
    images = list(np.random.default_rng(0).random((3, channels, 4, 5), np.float32))
    chart = predictions.plot_mistakes(images)
    shown = [axes for axes in chart.axes if axes.images]
    assert [axes.get_title().strip() for axes in shown] == ["cat", "dog", "dog"]
    assert [axes.texts[0].get_text() for axes in shown] == ["not dog 62%", "not owl 50%", "not cat 50%"]
    for axes, image in zip(shown, images, strict=True):
        drawn = np.asarray(axes.images[0].get_array())
        np.testing.assert_array_equal(drawn, image[0] if channels == 1 else image.transpose(1, 2, 0))
    assert chart.get_suptitle() == "3 of 5 examples are classified wrongly"
    assert len(chart.axes) == 3  # no blank columns


@pytest.mark.parametrize(
    ("shown", "wrong", "total", "title"),
    [
        (1, 1, 2, "1 of 2 examples is classified wrongly"),
        (1, 3, 1200, "3 of 1,200 examples are classified wrongly; those with the largest loss"),
        (7, 7, 10, "7 of 10 examples are classified wrongly"),
    ],
)
def test_title_of_mistakes_fits_its_figure(shown, wrong, total, title):
    chart = plot_mistakes([np.zeros((1, 4, 4))] * shown, [("cat", "dog 50%")] * shown, wrong, total)
    assert chart.get_suptitle() == title
    chart.draw_without_rendering()
    box = chart._suptitle.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= chart.bbox.x1
    assert len([axes for axes in chart.axes if axes.images]) == shown


def test_mistakes_of_a_perfect_network_are_none():
    assert plot_mistakes([], [], 0, 5).get_suptitle() == "0 of 5 examples are classified wrongly"


def test_names_that_the_font_lacks_cause_no_warnings(tmp_path):
    plot_mistakes([np.zeros((1, 4, 4))], [("犬", "cat 50%")], 1, 2, tmp_path / "drawn.png")
    assert (tmp_path / "drawn.png").stat().st_size > 1000


def test_standardized_images_are_stretched_to_be_seen():
    chart = plot_mistakes([np.array([[[-1.0, 0.0, 3.0]]])], [("a", "b")], 1, 1)
    np.testing.assert_allclose(chart.axes[0].images[0].get_array(), [[0, 0.25, 1]])


def test_predictions_of_a_run_equal_an_evaluation(trained):
    last = evaluate(trained.folder / "last.safetensors", limit=512)
    for run in (trained, Run.open(trained.folder)):
        assert isinstance(run.predictions, Predictions)
        np.testing.assert_array_equal(run.predictions.confusion_matrix, last.confusion_matrix)
        assert run.predictions.epoch == 2


def test_an_opened_run_draws_the_same_mistakes(trained):
    charts = [trained.plot_mistakes(count=3), Run.open(trained.folder).plot_mistakes(count=3)]
    ours, opened = ([np.asarray(axes.images[0].get_array()) for axes in chart.axes if axes.images] for chart in charts)
    assert len(ours) == 3
    np.testing.assert_array_equal(ours, opened)


def test_mistakes_are_images_of_the_callers_arrays(tmp_path):
    train_x, train_y = separable(64, 0)
    test_x, test_y = separable(16, 1)
    recipe = Recipe(model="cifar-resnet20", epochs=1, batch_size=16, lr=0.0)
    run = train(dataset=(train_x, train_y, test_x, test_y), recipe=recipe, out=tmp_path / "run", progress=False)
    wrong = run.predictions.mistakes(3)
    shown = [axes.images[0].get_array() for axes in run.plot_mistakes(count=3).axes if axes.images]
    assert len(wrong) == len(shown) == 3  # an untrained network guesses
    np.testing.assert_allclose(shown, test_x[wrong, 0])
    opened = Run.open(run.folder)
    assert not opened.has_images
    with pytest.raises(UsageError, match="images of a run on arrays are not in its folder"):
        opened.plot_mistakes()


def test_train_ends_with_figures_and_a_report(command, tmp_path):
    code, out, err = command("train", "--epochs", 1, "--limit", 64, "--batch-size", 32, "--quiet", "--out", "run")
    assert code == 0, err
    assert out.endswith("run folder: run\nreport: run/report.html\n")
    for name in ("metrics", "confusion", "mistakes"):
        with Image.open(tmp_path / "run" / "figures" / f"{name}.png") as image:
            assert min(image.size) > 300
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "d2l-resnet18 on fashion-mnist" in page
    assert [f"figures/{name}.png" in page for name in ("metrics", "confusion", "mistakes", "gradients")] == [
        *(True, True, True, False)
    ]
    assert "<td>--limit</td><td>64</td>" in page
    assert "<p>Best epoch: 1, with the highest test accuracy, 0." in page
    assert re.findall('<a href="(.*?)">', page) == [
        *("figures/metrics.html", "recipe.json", "metrics.csv", "predictions.csv"),
    ]


def test_report_shows_settings_as_on_the_command_line(trained, tmp_path):
    folder = shutil.copytree(trained.folder, tmp_path / "run")
    recipe = json.loads((folder / "recipe.json").read_text("utf-8"))
    changed = {"augment": ["crop:4", "flip"], "nesterov": True, "freeze_statistics": False, "class_weights": [1, 0.5]}
    (folder / "recipe.json").write_text(json.dumps(recipe | changed), encoding="utf-8")
    page = draw_results(Run.open(folder), folder).read_text("utf-8")
    for option, value in (
        ("--augment", "crop:4,flip"),
        ("--nesterov", ""),
        ("--no-freeze-statistics", ""),
        ("--class-weights", "1,0.5"),
    ):
        assert f"<td>{option}</td><td>{value}</td>" in page


def test_mistakes_of_a_folder_name_their_files(tmp_path, monkeypatch, jvm):
    monkeypatch.setenv("PY_DJL_RESNET_CACHE", str(tmp_path / "cache"))
    data = make(tmp_path / "data", ("",), classes=("cat", "dog"), count=10)
    odd = 'a, "b".png'
    (data / "dog" / "004.png").rename(data / "dog" / odd)
    recipe = Recipe(
        model="cifar-resnet20", dataset=f"folder:{data}", validation=0.5, epochs=1, batch_size=5, lr=0.0, seed=1
    )
    run = train(recipe=recipe, out=tmp_path / "run", progress=False)
    predictions = run.predictions
    held_out = [data / path for path in predictions.paths]
    assert len(set(held_out)) == 10
    assert all(path.is_file() for path in held_out)
    assert [path.parent.name for path in held_out] == [predictions.class_names[label] for label in predictions.labels]
    assert Run.open(run.folder).predictions.paths == predictions.paths
    wrong = predictions.mistakes()
    assert len(wrong) > 0
    # the image is that of the file
    shown = [axes for axes in run.plot_mistakes().axes if axes.images]
    for axes, index in zip(shown, wrong, strict=True):
        file = held_out[index]
        assert axes.texts[-1].get_text() == file.name
        np.testing.assert_allclose(axes.images[0].get_array() * 255, np.asarray(Image.open(file)), atol=0.01)
    page = draw_results(run, run.folder).read_text("utf-8")
    for index in wrong:
        assert f"<td>{html.escape(predictions.paths[index])}</td><td>{held_out[index].parent.name}</td>" in page


def test_predictions_quote_the_paths_of_files():
    paths = ["path", *["a.png"] * 4, '"b, ""c"".png"']
    rows = [f"{line},{path}" for line, path in zip(TEXT.splitlines(), paths, strict=True)]
    assert read_predictions("\n".join(rows), NAMES, "here").paths == [*["a.png"] * 4, 'b, "c".png']
    assert read_predictions(TEXT, NAMES, "here").paths is None


def test_report_escapes_names(trained, tmp_path):
    folder = shutil.copytree(trained.folder, tmp_path / "run")
    recipe = json.loads((folder / "recipe.json").read_text("utf-8"))
    (folder / "recipe.json").write_text(json.dumps(recipe | {"data_dir": "<b>&"}), encoding="utf-8")
    with pytest.warns(ResnetWarning, match="No figure of the mistakes: The files of data set 'fashion-mnist' were not"):
        page = draw_results(Run.open(folder), folder).read_text("utf-8")
    assert "&lt;b&gt;&amp;" in page
    assert "<b>&" not in page
