"""What the figures show, read from Matplotlib's objects."""

import re

import numpy as np
import pytest

from py_djl_resnet import UsageError
from py_djl_resnet._plotting.figures import plot_bypass, plot_confusion
from py_djl_resnet._plotting.history import plot_history

MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


def history(epochs, shift=0.0, part="test"):
    return [
        {
            "epoch": epoch,
            "seconds": 1.0,
            "train_loss": 0.6 / epoch + shift,
            "train_accuracy": 1 - 0.2 / epoch - shift,
            f"{part}_loss": 0.7 / epoch + shift,
            f"{part}_accuracy": 0.95 - 0.2 / epoch - shift,
        }
        for epoch in range(1, epochs + 1)
    ]


def curves(axes):
    return {line.get_label(): line for line in axes.lines if line.get_marker() != "*"}


@pytest.mark.parametrize("suffix", MAGIC)
def test_figure_format_follows_the_extension(tmp_path, suffix):
    file = tmp_path / "new" / f"metrics{suffix}"
    plot_history({"mine": history(3)}, file)
    assert file.read_bytes().startswith(MAGIC[suffix])


@pytest.mark.parametrize("part", ["test", "validation"])
def test_run_has_a_panel_for_the_loss_and_one_for_the_accuracy(part):
    rows = history(4, part=part)
    chart = plot_history({"mine": rows}, title="resnet18 on fashion-mnist", best={"mine": 3})
    assert chart.get_suptitle() == "resnet18 on fashion-mnist"
    assert [axes.get_ylabel() for axes in chart.axes] == ["Loss", "Accuracy"]
    for axes, metric in zip(chart.axes, ("loss", "accuracy"), strict=True):
        assert axes.get_xlabel() == "Epoch"
        assert list(curves(axes)) == ["train", part]
        for name, curve in curves(axes).items():
            np.testing.assert_array_equal(curve.get_xdata(), [1, 2, 3, 4])
            np.testing.assert_array_equal(curve.get_ydata(), [row[f"{name}_{metric}"] for row in rows])
        (star,) = (line for line in axes.lines if line.get_marker() == "*")
        best = rows[2][f"{part}_{metric}"]
        assert (star.get_xdata(), star.get_ydata()) == ([3], [best])
        assert star.get_label() == f"best epoch 3 ({best:.3f})"
        assert axes.get_ylim()[0] == 0
        assert axes.get_ylim()[1] > max(row[f"train_{metric}"] for row in rows)


def test_style_of_the_book_has_the_chapters_three_curves_in_one_panel():
    rows = history(4)
    (axes,) = plot_history({"mine": rows}, style="d2l").axes
    assert list(curves(axes)) == ["train loss", "train acc", "test acc"]
    np.testing.assert_array_equal(curves(axes)["train loss"].get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(curves(axes)["test acc"].get_ydata(), [row["test_accuracy"] for row in rows])


def test_several_runs_have_a_colour_each_and_training_is_dashed():
    chart = plot_history({"sgd": history(3), "momentum": history(5, 0.02)}, best={"sgd": 3, "momentum": 4})
    for axes in chart.axes:
        looks = {label: (curve.get_color(), curve.get_linestyle()) for label, curve in curves(axes).items()}
        assert looks == {
            "sgd: train": ("C0", "--"),
            "sgd: test": ("C0", "-"),
            "momentum: train": ("C1", "--"),
            "momentum: test": ("C1", "-"),
        }
    (legend,) = chart.legends
    assert [text.get_text() for text in legend.get_texts()] == ["sgd", "momentum", "train", "test", "best epoch"]


def test_svg_text_is_editable(tmp_path):
    plot_history({"mine": history(2)}, tmp_path / "metrics.svg", title="resnet18 on fashion-mnist")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "metrics.svg").read_text("utf-8"))
    assert {"Loss", "Accuracy", "Epoch", "train", "test", "resnet18 on fashion-mnist"} <= set(texts)


def test_confusion_matrix_shows_counts_and_accuracies():
    chart = plot_confusion(np.array([[5, 1, 0], [1, 7, 0], [0, 0, 0]]), ["shirt", "bag", "coat"])
    (axes,) = chart.axes
    assert axes.get_title() == "Accuracy 85.7%, n = 14"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Predicted class", "True class")
    assert [text.get_text() for text in axes.texts] == ["5", "1", "0", "1", "7", "0", "0", "0", "0"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["shirt", "bag", "coat"]
    (right,) = axes.child_axes
    assert right.get_ylabel() == "Accuracy per class"
    assert [text.get_text() for text in right.get_yticklabels()] == ["83.3%", "87.5%", "-"]


def test_confusion_matrix_of_many_classes_names_only_some():
    (axes,) = plot_confusion(np.eye(300, dtype=int), [f"class {i}" for i in range(300)]).axes
    names = [text.get_text() for text in axes.get_xticklabels()]
    assert names[:2] == ["class 0", "class 4"]
    assert len(names) == 75
    assert not axes.texts


def test_ablation_has_a_bar_per_block_and_the_full_network():
    (axes,) = plot_bypass(0.9, [("layer1.0", 0.8), ("layer2.0", 0.3)]).axes
    assert axes.get_title() == "Test accuracy without each residual block"
    assert [bar.get_height() for bars in axes.containers for bar in bars] == [0.8, 0.3]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["layer1.0", "layer2.0"]
    assert [line.get_label() for line in axes.lines] == ["full network: 0.900"]


@pytest.mark.parametrize(("name", "received"), [("metrics.gif", ".gif"), ("metrics", "none")])
def test_unsupported_extension_is_rejected(tmp_path, name, received):
    with pytest.raises(UsageError, match=rf"Received: {received}\. Allowed: .png, .svg, .pdf\."):
        plot_history({"mine": history(1)}, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_figure_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match=r"metrics.png cannot be written"):
        plot_history({"mine": history(1)}, tmp_path / "file" / "metrics.png")
