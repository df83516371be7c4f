"""The plot command: one run into its folder, several over each other."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from py_djl_resnet import Recipe, Run
from py_djl_resnet.runs import labels, plot_runs


@pytest.fixture
def two(trained, tmp_path):
    """Folders of two different runs of one name, `a/run` and `b/run` in the current folder."""
    for name, shift in (("a", 0.0), ("b", 0.125)):
        folder = tmp_path / name / "run"
        folder.mkdir(parents=True)
        shutil.copy(trained.folder / "recipe.json", folder)
        with (trained.folder / "metrics.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        with (folder / "metrics.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(row | {"train_loss": float(row["train_loss"]) + shift} for row in rows)
    return [Path("a/run"), Path("b/run")]


def test_plot_draws_one_run_into_its_folder(command, trained):
    for name in ("metrics.png", "metrics.html"):
        (trained.folder / "figures" / name).unlink(missing_ok=True)
    code, out, err = command("plot", trained.folder)
    assert (code, out) == (0, "")
    for name in ("metrics.png", "metrics.html"):
        assert str(trained.folder / "figures" / name) in err
        assert (trained.folder / "figures" / name).is_file()


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_plot_overlays_runs_of_one_name(command, two, tmp_path, suffix):
    code, _, err = command("plot", *two, "--out", f"new/both.{suffix}")
    assert code == 0, err
    text = (tmp_path / "new" / f"both.{suffix}").read_text()
    for run in two:
        assert str(run) in text
        if suffix == "html":  # which has the values as text
            for curve in ("train loss", "train accuracy", "test loss", "test accuracy"):
                assert f"{run}: {curve}" in text
            for row in Run.open(tmp_path / run).history:
                assert str(row["train_loss"]) in text


def test_plot_accepts_style_size_and_resolution(command, two, tmp_path):
    code, _, err = command("plot", *two, "--style", "d2l", "--size", "5x4", "--dpi", "50", "--out", "both.png")
    assert code == 0, err
    with Image.open(tmp_path / "both.png") as image:
        assert image.size == (250, 200)
    code, _, err = command("plot", two[0], "--style", "d2l", "--out", "one.svg")
    assert "Loss, accuracy" in (tmp_path / "one.svg").read_text()


@pytest.mark.parametrize(
    ("size", "dpi", "allowed"),
    [("5x4", "5", "10 to 2236"), ("100x1", "700", "10 to 650"), ("90x90", "200", "10 to 111")],
)
def test_resolution_out_of_range_is_rejected(rejected, two, size, dpi, allowed):
    assert rejected("plot", two[0], "--size", size, "--dpi", dpi, "--out", "one.png") == (
        2,
        f"dpi of a figure of {size} inches must be a whole number. Received: {dpi}. Allowed: {allowed}.",
    )


def test_figure_of_runs_has_their_network_and_best_epochs(two, tmp_path):
    runs = [Run.open(tmp_path / run) for run in two]
    chart = plot_runs(runs)
    assert chart.get_suptitle() == "d2l-resnet18 on fashion-mnist"
    stars = {line.get_label(): line for line in chart.axes[1].lines if line.get_marker() == "*"}
    for run, folder in zip(runs, two, strict=True):
        label = f"{tmp_path / folder}: best epoch {run.best['epoch']} ({run.best['test_accuracy']:.3f})"
        assert list(stars[label].get_xdata()) == [run.best["epoch"]]
    runs[1].recipe = Recipe(model="resnet50")
    chart = plot_runs({"SGD": runs[0], "momentum": runs[1]})
    assert chart.get_suptitle() == "Training runs"
    assert [text.get_text() for text in chart.legends[0].get_texts()][:2] == ["SGD", "momentum"]


def test_labels_are_names_else_paths_else_numbered():
    recipe = Recipe()

    def run(folder):
        return Run(recipe, [], None if folder is None else Path(folder))

    assert labels([run("x/a"), run("x/b")]) == ["a", "b"]
    assert labels([run("x/a"), run("y/a")]) == ["x/a", "y/a"]
    assert labels([run(None), run(None), run("a")]) == ["d2l-resnet18", "d2l-resnet18 (2)", "a"]
    assert labels([run("a"), run("a (2)"), run("a")]) == ["a", "a (2)", "a (3)"]


def test_page_needs_no_engine_of_the_run(command, two, tmp_path, jvm):
    recipe = json.loads((tmp_path / two[0] / "recipe.json").read_text()) | {"engine": "mxnet"}
    (tmp_path / two[0] / "recipe.json").write_text(json.dumps(recipe))
    code, _, err = command("plot", *two, "--out", "page.html")
    assert code == 0, err
    ran = subprocess.run(
        [sys.executable, "-m", "py_djl_resnet", "plot", two[1], "--out", "other.html", "--engine", "mxnet"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (0, "figure: other.html\n")


def test_page_that_cannot_be_written_is_named(rejected, two, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, message = rejected("plot", *two, "--out", "file/page.html")
    assert code == 2
    assert str(tmp_path / "file" / "page.html") in message


def test_plot_reports_gaps(command, trained, tmp_path):
    run = shutil.copytree(trained.folder, tmp_path / "run")
    lines = (run / "metrics.csv").read_text().splitlines()
    column = lines[0].split(",").index("test_loss")
    cells = lines[2].split(",")
    lines[2] = ",".join([*cells[:column], "NaN", *cells[column + 1 :]])
    (run / "metrics.csv").write_text("\n".join(lines) + "\n")
    code, _, err = command("plot", "run", "--out", "gap.png")
    assert code == 0
    assert err == (
        "py-djl-resnet: warning: run has epochs without a finite test_loss. The curve has a gap there.\n"
        "figure: gap.png\n"
    )
