import os
import subprocess
import sys

import numpy as np
import pytest

from py_djl_resnet import UsageError
from py_djl_resnet._plotting.figures import plot_confusion, plot_history

MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


def history(epochs, shift=0.0):
    return [
        {
            "epoch": epoch,
            "train_loss": 0.6 / epoch + shift,
            "train_accuracy": 1 - 0.2 / epoch - shift,
            "test_accuracy": 0.95 - 0.2 / epoch - shift,
        }
        for epoch in range(1, epochs + 1)
    ]


@pytest.mark.parametrize("suffix", MAGIC)
def test_figure_is_written_in_the_form_of_its_suffix(tmp_path, suffix):
    file = tmp_path / "new" / f"metrics{suffix}"
    plot_history({"mine": history(3)}, file)
    assert file.read_bytes().startswith(MAGIC[suffix])


def test_one_run_shows_the_chapters_three_curves_with_their_values():
    rows = history(4)
    (axes,) = plot_history({"mine": rows}).axes
    curves = {line.get_label(): line for line in axes.lines}
    assert list(curves) == ["train loss", "train acc", "test acc"]
    np.testing.assert_array_equal(curves["train loss"].get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(curves["test acc"].get_ydata(), [row["test_accuracy"] for row in rows])


def test_several_runs_are_told_apart_by_a_legend():
    chart = plot_history({"sgd": history(3), "momentum": history(5, 0.02)})
    (axes,) = chart.axes
    assert len(axes.lines) == 6
    colours = {line.get_label().partition(":")[0]: line.get_color() for line in axes.lines}
    assert colours["sgd"] != colours["momentum"]
    (legend,) = chart.legends
    assert "momentum: test acc" in [text.get_text() for text in legend.get_texts()]


def test_epochs_have_whole_ticks():
    for epochs in (1, 2, 10):
        chart = plot_history({"mine": history(epochs)})
        chart.draw_without_rendering()
        ticks = chart.axes[0].get_xticks()
        assert np.array_equal(ticks, np.round(ticks))


def test_gap_in_a_history_is_a_gap_in_the_curve():
    rows = history(3)
    rows[1]["test_accuracy"] = None
    (axes,) = plot_history({"mine": rows}).axes
    assert np.isnan(axes.lines[2].get_ydata()[1])


def test_confusion_matrix_shows_every_count_and_name(tmp_path):
    matrix = np.array([[5, 1], [0, 7]])
    chart = plot_confusion(matrix, ["shirt", "bag"], tmp_path / "confusion.png")
    (axes,) = chart.axes
    assert [text.get_text() for text in axes.texts] == ["5", "1", "0", "7"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["shirt", "bag"]
    assert (tmp_path / "confusion.png").read_bytes().startswith(MAGIC[".png"])


@pytest.mark.parametrize("name", ["metrics.gif", "metrics"])
def test_other_suffix_is_refused_with_the_allowed_ones(tmp_path, name):
    with pytest.raises(UsageError, match=r"must end in .png, .svg, .pdf"):
        plot_history({"mine": history(1)}, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_figure_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match=r"metrics.png cannot be written"):
        plot_history({"mine": history(1)}, tmp_path / "file" / "metrics.png")


def test_figure_shows_itself_in_a_notebook():
    assert plot_history({"mine": history(2)})._repr_png_().startswith(MAGIC[".png"])


def test_figures_are_drawn_with_a_backend_that_matplotlib_does_not_know(tmp_path):
    script = (
        "import os\n"
        "from py_djl_resnet.figures import plot_history\n"
        "row = {'epoch': 1, 'train_loss': 0.5, 'train_accuracy': 0.5, 'test_accuracy': 0.5}\n"
        "plot_history({'mine': [row]}, 'metrics.png')\n"
        "print(os.environ['MPLBACKEND'])\n"
    )
    environment = {**os.environ, "MPLBACKEND": "garbage"}
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "garbage\n", "")
    assert (tmp_path / "metrics.png").read_bytes().startswith(MAGIC[".png"])
