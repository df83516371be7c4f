import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from examples import separable
from interruption import finish, wait_until
from reference_networks import Reference, read_tensors

from py_djl_resnet import (
    Recipe,
    ResnetWarning,
    UsageError,
    create_model,
    evaluate,
    interpolate_loss,
    loss_hessian,
    loss_surface,
    loss_trajectory,
    train,
)
from py_djl_resnet.cli import main

DATA = (*separable(48, 0), *separable(24, 1))
OPTIONS = {"split": "test", "examples": None, "progress": False}


@pytest.fixture(scope="module")
def run(jvm, tmp_path_factory):
    """The folder of a run that kept the checkpoints of its five epochs."""
    recipe = Recipe(model="cifar-resnet20", epochs=5, keep=5, batch_size=16, lr=0.02)
    folder = tmp_path_factory.mktemp("paths") / "run"
    train(dataset=DATA, recipe=recipe, out=folder, progress=False)
    return folder


def epoch(run, number):
    return run / f"epoch-{number:04d}.safetensors"


def loss(tensors):
    """The mean cross-entropy of the test examples."""
    logits = Reference(tensors).cifar(DATA[2].astype(np.float64))
    shifted = logits - logits.max(1, keepdims=True)
    return np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(DATA[3])), DATA[3]])


def test_interpolation_equals_numpy(run, tmp_path):
    line = interpolate_loss(epoch(run, 1), epoch(run, 5), DATA, out=tmp_path, grid=5, **OPTIONS)
    assert line.x.tolist() == [-0.5, 0, 0.5, 1, 1.5]
    assert line.info["kind"] == "interpolation"
    a, b = (read_tensors(epoch(run, number)) for number in (1, 5))
    for x, measured in zip(line.x, line.loss[0], strict=True):
        # beyond the networks, running statistics stay those of the nearer one
        at = {name: np.clip(x, 0, 1) if "running" in name else x for name in a}
        expected = loss({name: a[name] + at[name] * (b[name] - a[name]) for name in a})
        assert measured == pytest.approx(expected, rel=1e-4)
    assert line.loss[0, 1] == evaluate(epoch(run, 1), DATA).loss
    assert line.loss[0, 3] == pytest.approx(evaluate(epoch(run, 5), DATA).loss, rel=1e-5)


def test_usual_points_of_an_interpolation_have_both_networks(run, tmp_path):
    line = interpolate_loss(epoch(run, 1), epoch(run, 5), DATA, out=tmp_path, **OPTIONS)
    assert {0.0, 1.0} <= {*line.x}
    assert line.measures().directions[0]["barrier"] is not None


def test_statistics_are_recalibrated_on_request(run, tmp_path):
    options = OPTIONS | {"batch_norm": "recalibrated"}
    expected = [
        loss_surface(epoch(run, number), DATA, out=tmp_path / str(number), dimensions=1, grid=3, **options).loss[0, 1]
        for number in (1, 5)
    ]
    line = interpolate_loss(epoch(run, 1), epoch(run, 5), DATA, out=tmp_path / "line", grid=2, ranges=(0, 1), **options)
    assert line.loss[0] == pytest.approx(expected, rel=1e-5)
    path = loss_trajectory(run, DATA, out=tmp_path / "path", grid=2, **options)
    assert path.trajectory["loss"][[0, 4]] == pytest.approx(expected, rel=1e-5)
    assert evaluate(epoch(run, 1), DATA).loss != pytest.approx(expected[0], rel=1e-3)


def test_interpolation_rejects_different_networks(run, tmp_path):
    with (
        create_model("cifar-resnet32", in_channels=1, classes=2) as other,
        pytest.raises(UsageError, match=r"Received: cifar-resnet20 \(.*\) and cifar-resnet32 \("),
    ):
        interpolate_loss(run, other, DATA, out=tmp_path / "new", **OPTIONS)
    assert not (tmp_path / "new").exists()


def test_interpolation_warns_of_networks_that_prepare_images_differently(run, tmp_path):
    with (
        create_model("cifar-resnet20", in_channels=1, classes=2) as other,
        pytest.warns(ResnetWarning, match="Both are measured with the preprocessing of the first"),
    ):
        interpolate_loss(run, other, DATA, out=tmp_path / "mixed", **OPTIONS)


def test_trajectory_equals_numpy(run, tmp_path):
    found = loss_trajectory(run, DATA, out=tmp_path, grid=(3, 2), **OPTIONS)
    states = [read_tensors(epoch(run, number)) for number in range(1, 6)]
    trained = [name for name in states[0] if "running" not in name]
    vectors = np.array([np.concatenate([state[name].ravel() for name in trained]) for state in states])
    left, values, _ = np.linalg.svd(vectors[:-1] - vectors[-1], full_matrices=False)
    assert found.info["explained"] == pytest.approx((values**2 / (values**2).sum())[:2], rel=1e-5)
    places = np.array([found.trajectory["x"], found.trajectory["y"]]).T
    signs = []
    for axis in (0, 1):
        column = left[:, axis] * values[axis]
        signs.append(np.sign(column[np.abs(column).argmax()]))
        assert places[:-1, axis] == pytest.approx(signs[axis] * column, abs=1e-5 * values[0])
    assert places[-1].tolist() == [0, 0]
    # the surface shows the whole path
    (x0, x1), (y0, y1) = found.info["range"]
    assert ((x0 < places[:, 0]) & (places[:, 0] < x1) & (y0 < places[:, 1]) & (places[:, 1] < y1)).all()
    for number in range(1, 6):
        result = evaluate(epoch(run, number), DATA)
        assert found.trajectory["loss"][number - 1] == result.loss
        assert found.trajectory["accuracy"][number - 1] == result.accuracy
    assert found.trajectory["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert found.trajectory["step"].tolist() == [3, 6, 9, 12, 15]
    assert found.trajectory["projected_loss"][-1] == found.trajectory["loss"][-1]

    def loss_at(x, y):
        """The loss at a point of the plane, with statistics that move along, within their range."""
        shares = (left[:, :2] / values[:2]) @ (np.array(signs) * (x, y))
        moved = {}
        for name, last in states[-1].items():
            moved[name] = last + sum(c * (s[name] - last) for c, s in zip(shares, states[:-1], strict=True))
            if "running" in name:
                all_of = [state[name] for state in states]
                moved[name] = np.clip(moved[name], np.min(all_of, 0), np.max(all_of, 0))
        return loss(moved)

    assert found.trajectory["projected_loss"][0] == pytest.approx(loss_at(*places[0]), rel=1e-3)
    expected = [[loss_at(x, y) for y in found.y] for x in found.x]
    np.testing.assert_allclose(found.loss[0], expected, rtol=1e-3)


def test_checkpoints_in_the_plane_have_their_own_loss(run, tmp_path):
    # two differences always lie in their plane
    for number in (1, 3, 5):
        shutil.copy(epoch(run, number), tmp_path)
    found = loss_trajectory(tmp_path, DATA, out=tmp_path / "out", grid=2, **OPTIONS)
    assert sum(found.info["explained"]) == pytest.approx(1)
    assert found.trajectory["projected_loss"] == pytest.approx(found.trajectory["loss"], rel=1e-4)
    # a resumed trajectory measures only what is missing, and writes the same
    table = tmp_path / "out" / "trajectory.csv"
    before = table.read_text()
    table.write_text("".join(before.splitlines(keepends=True)[:2]))
    loss_trajectory(tmp_path, DATA, out=tmp_path / "out", grid=2, **OPTIONS)
    assert table.read_text() == before


def test_killed_trajectory_is_resumed_to_the_same_bytes(run, tmp_path):
    whole = loss_trajectory(run, DATA, out=tmp_path / "whole", grid=5, **OPTIONS).folder
    np.savez(tmp_path / "data.npz", *DATA)
    script = (
        "import sys, numpy as np; from py_djl_resnet import loss_trajectory; run, data, out = sys.argv[1:]\n"
        f"loss_trajectory(run, list(np.load(data).values()), out=out, grid=5, **{OPTIONS})"
    )
    command = [sys.executable, "-c", script, *map(str, [run, tmp_path / "data.npz", tmp_path / "killed"])]
    killed = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    table = tmp_path / "killed" / "trajectory.csv"
    assert wait_until(lambda: table.exists() and table.read_text().count("\n") > 2, killed)
    killed.kill()
    finish(killed, -signal.SIGKILL)
    # a row for each of the five checkpoints, below the names
    assert table.read_text().count("\n") < 6
    loss_trajectory(run, DATA, out=tmp_path / "killed", grid=5, **OPTIONS)
    for name in ("trajectory.csv", "points.csv", "landscape.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (whole / name).read_bytes()


def test_trajectory_without_checkpoints_is_rejected(run, tmp_path):
    (tmp_path / "run").mkdir()
    shutil.copy(epoch(run, 5), tmp_path / "run")
    with pytest.raises(UsageError, match=r"Received: 1\. Allowed: 3 or more\. Train with --keep 3 or more"):
        loss_trajectory(tmp_path / "run", DATA, out=tmp_path / "out", **OPTIONS)
    assert not (tmp_path / "out").exists()


def test_hessian_of_a_run(run, tmp_path, capsys):
    options = {"iterations": 4, "samples": 2, **OPTIONS}
    found = loss_hessian(run, DATA, out=tmp_path, **options)
    assert found.to_dict() == json.loads((tmp_path / "hessian.json").read_text())
    assert found.loss == pytest.approx(evaluate(run, DATA).loss, rel=1e-5)
    assert found.parameters == 268_914
    assert found.smallest < found.largest
    assert "largest eigenvalue" in str(found)
    assert loss_hessian(run, DATA, out=tmp_path, **options) == found
    with pytest.raises(UsageError, match="samples 3 instead of 2"):
        loss_hessian(run, DATA, out=tmp_path, **options | {"samples": 3})


def test_results_without_their_description_are_not_taken_for_others(run, tmp_path):
    options = {"examples": None, "iterations": 3, "samples": 1, "progress": False}
    loss_hessian(run, DATA, out=tmp_path / "hessian", **options)
    (tmp_path / "hessian" / "hessian.json").unlink()
    with pytest.raises(UsageError, match=r"has trace\.csv but no hessian\.json, which says what was measured\."):
        loss_hessian(run, DATA, out=tmp_path / "hessian", **options | {"samples": 2})
    loss_trajectory(run, DATA, out=tmp_path / "path", grid=2, **OPTIONS)
    for name in ("landscape.json", "points.csv"):
        (tmp_path / "path" / name).unlink()
    with pytest.raises(UsageError, match=r"has trajectory\.csv but no landscape\.json, which says what was measured"):
        loss_trajectory(run, DATA, out=tmp_path / "path", grid=2, **OPTIONS | {"examples": 8})


def test_hessian_depends_on_the_seed_only_by_its_error(run):
    options = {"iterations": 30, "samples": 1, **OPTIONS}
    first, second = (loss_hessian(run, DATA, seed=seed, **options) for seed in (0, 1))
    assert first.converged["largest"]
    assert second.converged["largest"]
    assert first.largest != second.largest
    assert first.largest == pytest.approx(second.largest, rel=1e-2)
    assert first.trace != second.trace
    assert first.trace_error is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hessian", "RUN", "--examples", "0"], "--examples must be a whole number. Received: 0."),
        (
            ["hessian", "RUN", "--tolerance", "2"],
            "tolerance must be a number between 0 and 1. Received: 2.0. Allowed: such as 0.01.",
        ),
        (["hessian", "RUN"], "was trained on arrays"),
        (["interpolate", "RUN", "missing", "--out", "new"], "Checkpoint missing does not exist."),
        (["interpolate", "RUN", "RUN", "--out", "new", "--grid", "1"], "points along each axis. Received: 1.\n"),
        (["interpolate", "RUN", "RUN", "--out", __file__], "--out must be a folder. Received: the file"),
        (["trajectory", "RUN", "--out", __file__], "--out must be a folder. Received: the file"),
        (["hessian", "RUN", "--out", __file__], "--out must be a folder. Received: the file"),
        (["interpolate", "RUN", "RUN", "--out", "new", "--range", "1,0"], "Received: 1,0. Give 0,1."),
        (["trajectory", "missing", "--out", "new"], "Run folder missing does not exist."),
    ],
)
def test_bad_input_is_one_line(run, arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["landscape", *(str(run) if part == "RUN" else part for part in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
