"""How the time of a step breaks down, in Python and on the command line."""

import csv

import pytest

from py_djl_resnet import Profile, Recipe, UsageError, train
from py_djl_resnet._plotting.figures import plot_profile

ROWS = [
    {"part": "data", "forward_ms": None, "backward_ms": None, "total_ms": 0.5, "share": 0.05},
    {"part": "conv1", "forward_ms": 2.0, "backward_ms": 3.0, "total_ms": 5.0, "share": 0.5},
    {"part": "fc", "forward_ms": 1.0, "backward_ms": 2.5, "total_ms": 3.5, "share": 0.35},
    {"part": "optimizer", "forward_ms": None, "backward_ms": None, "total_ms": 1.0, "share": 0.1},
]


def test_table_has_each_part_and_the_sums():
    assert str(Profile(7, ROWS)).splitlines() == [
        "part       forward ms  backward ms  total ms   share",
        "data                                    0.50    5.0%",
        "conv1            2.00         3.00      5.00   50.0%",
        "fc               1.00         2.50      3.50   35.0%",
        "optimizer                               1.00   10.0%",
        "step             3.00         5.50     10.00  100.0%",
        "mean of 7 steps",
    ]


def test_figure_has_a_bar_for_each_pass():
    (axes,) = Profile(7, ROWS).plot().axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["data", "conv1", "fc", "optimizer"]
    widths = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert widths == [[0, 2.0, 1.0, 0], [0, 3.0, 2.5, 0], [0.5, 0, 0, 1.0]]
    assert axes.get_xlabel() == "Milliseconds per step (mean of 7 steps)"
    with pytest.raises(UsageError, match=r"Received: \.gif\."):
        plot_profile(ROWS, 7, "profile.gif")


def test_training_with_profile_times_each_part(jvm, arrays):
    run = train(dataset=arrays, recipe=Recipe(epochs=1, batch_size=64, profile=True, device="cpu"), progress=False)
    assert run.profile.steps == 3
    parts = [row["part"] for row in run.profile.rows]
    assert parts[:3] == ["data", "conv1", "bn1"]
    assert parts[-4:] == ["fc", "loss", "optimizer", "bookkeeping"]
    step = sum(row["total_ms"] for row in run.profile.rows)
    for row in run.profile.rows:
        assert row["share"] == pytest.approx(row["total_ms"] / step)
        if row["forward_ms"] is not None:
            assert row["forward_ms"] + row["backward_ms"] == pytest.approx(row["total_ms"])
    assert Profile(**run.profile.to_dict()) == run.profile


def test_training_without_profile_times_nothing(trained):
    assert trained.profile is None
    assert not (trained.folder / "profile.csv").exists()


def test_command_prints_a_table_and_leaves_a_figure(jvm, command, tmp_path):
    code, out, _ = command(
        "train", "--epochs", 1, "--limit", 64, "--batch-size", 32, "--device", "cpu", "--profile", "--out", "run"
    )
    assert code == 0
    folder = tmp_path / "run"
    assert (folder / "figures" / "profile.png").read_bytes().startswith(b"\x89PNG")
    with open(folder / "profile.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = out.splitlines()
    table = lines[lines.index(next(line for line in lines if line.startswith("part "))) :]
    assert [line.split()[0] for line in table[1 : len(rows) + 1]] == [row["part"] for row in rows]
    assert table[len(rows) + 2] == "mean of 1 step"
