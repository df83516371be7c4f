"""The search for a learning rate."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from py_djl_resnet import LrSweep, Recipe, UsageError, find_lr
from py_djl_resnet._plotting.rates import plot_rates

SMALL = Recipe(model="cifar-resnet20", batch_size=32)


def test_sweep_suggests_a_rate_between_its_ends(arrays, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep = find_lr(dataset=arrays, recipe=SMALL, start=1e-4, end=10, steps=30, progress=False)
    assert len(sweep.lrs) == len(sweep.losses) == len(sweep.smoothed)
    np.testing.assert_allclose(sweep.lrs, 1e-4 * 1e5 ** (np.arange(len(sweep.lrs)) / 30))
    assert sweep.suggestion in sweep.lrs[3:-6]
    assert not list(tmp_path.iterdir())


def test_sweep_needs_growing_rates(arrays):
    with pytest.raises(UsageError, match=r"The rates must rise from start to end\. Received: 1 and 0\.1\."):
        find_lr(dataset=arrays, recipe=SMALL, start=1, end=0.1, progress=False)


def test_sweep_repeats_itself(arrays):
    first, second = (find_lr(dataset=arrays, recipe=SMALL, steps=20, progress=False) for _ in range(2))
    assert first == second


def test_sweep_trains_an_autoencoder():
    recipe = Recipe(model="vae-small", optimizer="adam", limit=96, batch_size=16)
    sweep = find_lr(recipe=recipe, start=1e-5, end=1e-2, steps=20, progress=False)
    assert not sweep.diverged
    # the mean loss of the first half and of the second
    assert np.mean(sweep.losses[10:]) < np.mean(sweep.losses[:10])


def test_command_prints_the_suggestion_and_writes_its_folder(command, tmp_path):
    arguments = ("lr-find", "--limit", 256, "--batch-size", 32, "--steps", 20, "--quiet")
    code, out, err = command(*arguments)
    assert code == 0, err
    assert not list(tmp_path.iterdir())
    printed = out
    code, out, err = command(*arguments, "--json", "--out", "sweep")
    assert code == 0, err
    assert printed == f"{LrSweep(**json.loads(out))}\n"
    assert json.loads(out) == json.loads((tmp_path / "sweep" / "lr-find.json").read_text("utf-8"))
    with Image.open(tmp_path / "sweep" / "lr-find.png") as image:
        assert image.size == (960, 630)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--start", "x"), "--start must be a number. Received: 'x'. See py-djl-resnet lr-find --help."),
        (("--steps", 5), "--steps must be a whole number. Received: 5. Allowed: 20 to 2147483647."),
        (("--start", 1, "--end", 0.1), "The rates must rise from start to end. Received: 1 and 0.1."),
        (("--end", 0), "start and end must be numbers above 0. Received: 1e-05 and 0.0."),
        (("--lr", 1), "Unknown option. Received: '--lr'."),
        (("--batch-size", 1), "Invalid value for --batch-size. Received: 1."),
    ],
)
def test_wrong_arguments_are_rejected(rejected, arguments, message):
    code, line = rejected("lr-find", "--limit", 64, *arguments)
    assert code == 2
    assert line.startswith(message)


def test_existing_folder_is_not_overwritten(rejected, tmp_path):
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "mine.txt").write_text("mine")
    assert rejected("lr-find", "--out", "sweep") == (
        2,
        "sweep already exists and is not overwritten. Choose another folder.",
    )


def test_rates_of_another_type_are_rejected(arrays):
    with pytest.raises(UsageError, match=r"start and end must be numbers above 0\. Received: 'a' and 1"):
        find_lr(dataset=arrays, start="a", end=1)


def test_sweep_without_a_fall_has_advice(arrays):
    sweep = LrSweep(None, 0.001, True, [0.01, 0.1], [1.0, 9.0], [1.0, 5.0])
    assert str(sweep).splitlines() == [
        "the loss diverged after step 2",
        "rate of the lowest loss / 10: 0.001",
        "no suggestion: the loss does not fall before it rises; try more steps or a lower start",
    ]


@pytest.mark.parametrize(
    ("suggestion", "last"),
    [
        (None, "the loss falls fastest at the lowest rates; start near the rate of the lowest loss / 10"),
        (0.01, "suggested learning rate: 0.01, where the loss falls fastest"),
    ],
)
def test_loss_that_falls_fastest_at_the_lowest_rates_has_advice(suggestion, last):
    lrs = [10.0 ** (i - 4) for i in range(10)]
    losses = [3.0 - 0.1 * i for i in range(10)]
    sweep = LrSweep(suggestion, 0.1, False, lrs, losses, losses)
    assert str(sweep).splitlines() == ["rate of the lowest loss / 10: 0.1", last]


def test_figure_shows_the_suggestion_of_a_sweep_that_explodes(arrays):
    sweep = find_lr(dataset=arrays, recipe=dataclasses.replace(SMALL, momentum=0.9), steps=60, progress=False)
    lowest = sweep.lrs[int(np.argmin(sweep.smoothed))]
    assert sweep.suggestion is None or sweep.suggestion < lowest
    (axes,) = sweep.plot().axes
    heights = [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "o"]
    low, high = axes.get_ylim()
    assert all(low < height < high for height in heights)


def test_figure_of_a_sweep_whose_first_loss_is_not_finite_is_empty(tmp_path):
    (axes,) = LrSweep(None, None, True, [], [], []).plot(tmp_path / "sweep.png").axes
    assert [len(line.get_xdata()) for line in axes.lines] == [0, 0]
    assert (tmp_path / "sweep.png").is_file()


def test_figure_marks_the_suggestion():
    (axes,) = plot_rates([0.1, 1, 10], [3, 2, 9], [3, 2.5, 4], 1, 0.1).axes
    assert axes.get_xscale() == "log"
    mark = next(line for line in axes.lines if line.get_label() == "suggestion: 1")
    assert (list(mark.get_xdata()), list(mark.get_ydata())) == ([1], [2.5])
