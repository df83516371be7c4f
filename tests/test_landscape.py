import json
import re
import shutil

import numpy as np
import pytest
from examples import separable
from interruption import checkpoint as checkpoint_content
from reference_networks import Reference, read_tensors

from py_djl_resnet import (
    Recipe,
    UsageError,
    create_model,
    evaluate,
    load,
    loss_direction,
    loss_surface,
    read_landscape,
    train,
)

DATA = (*separable(64, 0), *separable(32, 1))


@pytest.fixture(scope="module")
def checkpoint(jvm, tmp_path_factory):
    """The checkpoint of a short run of a small residual network on arrays."""
    recipe = Recipe(model="cifar-resnet20", epochs=2, batch_size=16, lr=0.05)
    run = train(dataset=DATA, recipe=recipe, out=tmp_path_factory.mktemp("landscape") / "run", progress=False)
    return run.folder / "last.safetensors"


def surface(model, out, **options):
    return loss_surface(model, DATA, out=out, split="test", examples=None, progress=False, **options)


def losses(tensors, x, labels, **blocks):
    """The cross-entropy of each example, and whether its prediction is correct."""
    logits = Reference(tensors).cifar(x.astype(np.float64), **blocks)
    shifted = logits - logits.max(1, keepdims=True)
    return np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels], logits.argmax(1) == labels


def moved(tensors, *steps):
    """The tensors after steps (coefficient, direction)."""
    tensors = dict(tensors)
    for coefficient, direction in steps:
        for name, values in direction.items():
            tensors[name] = tensors[name] + coefficient * values.astype(np.float64)
    return tensors


def test_line_equals_numpy(checkpoint, tmp_path):
    found = surface(checkpoint, tmp_path, dimensions=1, grid=3, ranges=(-0.5, 1), directions=2, seed=3)
    assert found.x.tolist() == [-0.5, 0.25, 1]
    assert found.y is None
    tensors = read_tensors(checkpoint)
    with load(checkpoint) as model:
        for index in range(2):
            direction = loss_direction(model, seed=3, index=index)
            for i, x in enumerate(found.x):
                loss, correct = losses(moved(tensors, (x, direction)), *DATA[2:])
                assert found.loss[index, i] == pytest.approx(loss.mean(), rel=1e-4)
                assert found.loss_error[index, i] == pytest.approx(loss.std(ddof=1) / np.sqrt(32), rel=1e-3)
                assert found.accuracy[index, i] == correct.mean()
                assert found.accuracy_error[index, i] == pytest.approx(correct.std(ddof=1) / np.sqrt(32))
    assert found.missing == 0


def test_plane_equals_numpy_and_is_not_transposed(checkpoint, tmp_path):
    # ymin = 0, other numbers of points and other ranges along x and y
    found = surface(checkpoint, tmp_path, grid=(3, 2), ranges=(-1, 0.5, 0, 0.75))
    assert found.loss.shape == (1, 3, 2)
    assert (found.x.tolist(), found.y.tolist()) == ([-1, -0.25, 0.5], [0, 0.75])
    tensors = read_tensors(checkpoint)
    with load(checkpoint) as model:
        first, second = (loss_direction(model, axis=axis) for axis in (0, 1))
    for i, x in enumerate(found.x):
        for j, y in enumerate(found.y):
            expected = losses(moved(tensors, (x, first), (y, second)), *DATA[2:])[0].mean()
            assert found.loss[0, i, j] == pytest.approx(expected, rel=1e-4)
    rows = (tmp_path / "points.csv").read_text().splitlines()
    assert rows[0] == "direction,i,j,x,y,loss,accuracy,loss_error,accuracy_error"
    assert [row.split(",")[:5] for row in rows[1:3]] == [
        ["0", "0", "0", "-1.0", "0.0"],
        ["0", "0", "1", "-1.0", "0.75"],
    ]


@pytest.mark.parametrize("name", ["study-plain20", "study-resnet20"])
def test_networks_of_the_study_equal_numpy_on_colour_images_in_several_batches(jvm, tmp_path, name):
    grey, labels = separable(40, 0)
    images = np.concatenate([grey, grey[::-1], grey[:, :, ::-1]], axis=1)
    recipe = Recipe(model=name, epochs=1, batch_size=20, lr=0.02)
    run = train(dataset=(images, labels, images, labels), recipe=recipe, progress=False)
    run.model.save(tmp_path / "model.safetensors")
    found = loss_surface(
        *(run.model, (images, labels)),
        **{"out": tmp_path / "out", "grid": 2, "ranges": (-0.5, 0.25), "batch_size": 16},
        **{"split": "test", "examples": None, "progress": False},
    )
    tensors = read_tensors(tmp_path / "model.safetensors")
    first, second = (loss_direction(run.model, axis=axis) for axis in (0, 1))
    for i, x in enumerate(found.x):
        for j, y in enumerate(found.y):
            at = moved(tensors, (x, first), (y, second))
            expected, correct = losses(at, images, labels, study=True, plain=name == "study-plain20")
            assert found.loss[0, i, j] == pytest.approx(expected.mean(), rel=1e-4)
            assert found.accuracy[0, i, j] == correct.mean()


def test_recalibrated_statistics_equal_numpy(checkpoint, tmp_path):
    options = {"dimensions": 1, "grid": 2, "ranges": (0.25, 1), "batch_size": 16, "batch_norm": "recalibrated"}
    found = surface(checkpoint, tmp_path, **options)
    x, labels = DATA[2:]
    with load(checkpoint) as model:
        tensors = moved(read_tensors(checkpoint), (0.25, loss_direction(model)))
    means, variances = {}, {}
    for batch in (x[:16], x[16:]):
        network = Reference(tensors, training=True)
        network.cifar(batch.astype(np.float64))
        for name, inputs in network.normalized.items():
            means.setdefault(name, []).append(inputs.mean((0, 2, 3)))
            # PyTorch tracks the unbiased variance
            count = inputs.size / inputs.shape[1]
            variances.setdefault(name, []).append(inputs.var((0, 2, 3)) * count / (count - 1))
    tensors |= {f"{name}.running_mean": np.mean(values, 0) for name, values in means.items()}
    tensors |= {f"{name}.running_var": np.mean(values, 0) for name, values in variances.items()}
    assert found.loss[0, 0] == pytest.approx(losses(tensors, x, labels)[0].mean(), rel=1e-4)


def test_centre_equals_evaluate_and_the_network_is_restored(checkpoint, tmp_path):
    with load(checkpoint) as model:
        before = model.state_dict()
        found = surface(model, tmp_path, dimensions=1, grid=3, batch_norm="recalibrated", batch_size=16)
        assert all(np.array_equal(before[name], tensor) for name, tensor in model.state_dict().items())
        found = surface(model, tmp_path / "frozen", dimensions=1, grid=3, batch_size=16)
        whole = evaluate(model, DATA, batch_size=16)
    assert found.x[1] == 0
    assert (found.loss[0, 1], found.accuracy[0, 1]) == (whole.loss, whole.accuracy)


def test_normalizations_equal_numpy(checkpoint):
    with load(checkpoint) as model:
        weights = model.state_dict()
        drawn = {
            kind: loss_direction(model, normalize=kind, include_bias_and_norm=True)
            for kind in ("none", "filter", "layer", "weight")
        }
        default = loss_direction(model)
    assert {name for name, values in default.items() if values.ndim < 2} == set()
    assert set(default) == {name for name, values in weights.items() if values.ndim > 1}
    trained = {name for name in weights if not re.search(r"running|tracked", name)}
    assert set(drawn["none"]) == trained
    raw = np.concatenate([values.ravel() for values in drawn["none"].values()])
    assert abs(raw.mean()) < 0.01
    assert raw.std() == pytest.approx(1, abs=0.01)
    for name, plain in drawn["none"].items():
        d, w = plain.astype(np.float64), weights[name].astype(np.float64)
        rows = (len(w), -1) if w.ndim > 1 else (1, -1)
        norms = [np.linalg.norm(values.reshape(rows), axis=1, keepdims=True) for values in (w, d)]
        by_filter = (d.reshape(rows) * norms[0] / norms[1]).reshape(w.shape)
        np.testing.assert_allclose(drawn["filter"][name], by_filter, rtol=1e-5)
        np.testing.assert_allclose(drawn["layer"][name], d * np.linalg.norm(w) / np.linalg.norm(d), rtol=1e-5)
        np.testing.assert_allclose(drawn["weight"][name], d * np.abs(w), rtol=1e-5)
        if w.ndim > 1:
            np.testing.assert_array_equal(default[name], drawn["filter"][name])


def test_file_lists_the_tensors_of_the_directions(checkpoint, tmp_path):
    found = surface(checkpoint, tmp_path, grid=2, directions=2, seed=5)
    with load(checkpoint) as model:
        weights = model.state_dict()
        for index in range(2):
            for axis in range(2):
                direction = loss_direction(model, seed=5, index=index, axis=axis)
                for tensor in found.info["tensors"]:
                    norm = tensor["direction_norms"][index][axis]
                    assert norm == pytest.approx(np.linalg.norm(direction[tensor["name"]].astype(np.float64)))
    assert [tensor["shape"] for tensor in found.info["tensors"]] == [
        list(weights[tensor["name"]].shape) for tensor in found.info["tensors"]
    ]
    assert found.info["tensors"][0]["norm"] == pytest.approx(np.linalg.norm(weights["conv1.weight"]), rel=1e-6)


def test_directions_depend_on_seed_index_and_axis(checkpoint):
    with load(checkpoint) as model:
        places = [{}, {"seed": 1}, {"index": 1}, {"axis": 1}, {"seed": -1}]
        drawn = [loss_direction(model, **place)["layer1.0.conv1.weight"] for place in places]
        again = loss_direction(model)["layer1.0.conv1.weight"]
        other_tensor = loss_direction(model)["layer1.0.conv2.weight"]
    np.testing.assert_array_equal(drawn[0], again)
    kinds = [*drawn, other_tensor]
    for i, one in enumerate(kinds):
        for other in kinds[:i]:
            cosine = (one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other)
            assert abs(cosine) < 0.1


def test_zero_weights_have_no_direction(jvm):
    with create_model("cifar-resnet20", 1, 2) as model:
        state = model.state_dict()
        state["layer1.0.conv1.weight"][2] = 0
        model.load_state_dict(state)
        for kind in ("filter", "layer", "weight"):
            direction = loss_direction(model, normalize=kind, include_bias_and_norm=True)
            assert all(np.isfinite(values).all() for values in direction.values())
            assert not direction["bn1.bias"].any()
        assert not loss_direction(model)["layer1.0.conv1.weight"][2].any()


def test_missing_checkpoint_is_named(rejected):
    code, text = rejected("landscape")
    assert code == 2
    assert text.startswith("Arguments are missing: CHECKPOINT, --out.")


def test_subset_depends_on_the_seed(checkpoint, tmp_path):
    options = {"dimensions": 1, "grid": 2, "ranges": (0, 1), "examples": 16, "progress": False}
    found = [
        loss_surface(checkpoint, DATA, out=tmp_path / str(number), seed=seed, **options)
        for number, seed in enumerate((0, 0, 1))
    ]
    assert found[0].info["examples"] == 16
    assert found[0].loss.tolist() == found[1].loss.tolist()
    # at the network itself only the examples differ
    assert found[0].loss[0, 0] != found[2].loss[0, 0]
    # 16 of the examples, so near their mean
    each, _ = losses(read_tensors(checkpoint), *DATA[:2])
    for one in (found[0], found[2]):
        assert abs(one.loss[0, 0] - each.mean()) < 4 * each.std() / np.sqrt(16)


def test_points_that_are_not_finite_are_kept(checkpoint, tmp_path):
    found = surface(checkpoint, tmp_path, dimensions=1, grid=3, ranges=(0, 1e20), normalize="none")
    assert np.isfinite(found.loss[0, 0])
    assert not np.isfinite(found.loss[0, 1:]).any()
    assert found.missing == 0
    assert "lowest loss" in str(found)
    before = (tmp_path / "points.csv").stat().st_mtime_ns
    surface(checkpoint, tmp_path, dimensions=1, grid=3, ranges=(0, 1e20), normalize="none")
    assert (tmp_path / "points.csv").stat().st_mtime_ns == before


def test_overflow_behind_black_images_is_found(jvm, tmp_path):
    images, labels = DATA[2:]
    # the logits of black images stay 0
    mixed = np.concatenate([np.zeros_like(images[:8]), images]), np.concatenate([labels[:8], labels])
    options = {"dimensions": 1, "grid": 7, "ranges": (0, 12_000), "normalize": "none", "batch_size": 20}
    with create_model("cifar-resnet20", 1, 2) as model:
        found = loss_surface(model, mixed, out=tmp_path, split="test", examples=None, progress=False, **options)
    assert np.isfinite(found.loss).tolist() == [[True] + 6 * [False]]


def test_measured_points_are_never_measured_again(checkpoint, tmp_path):
    options = {"dimensions": 1, "grid": 4, "ranges": (0, 1)}
    surface(checkpoint, tmp_path, **options)
    table = tmp_path / "points.csv"
    rows = table.read_text().splitlines(keepends=True)
    # losses that older tools take for missing, and half a row of a killed process
    table.write_text(rows[0] + "0,3,,1.0,,-1.0,0.5,0.1,0.1\n0,0,,0.0,,0.0,1.0,0.0,0.0\n" + rows[2][:20])
    found = read_landscape(tmp_path)
    assert found.missing == 2
    assert found.loss[0, [0, 3]].tolist() == [0, -1]
    assert np.isnan(found.loss[0, [1, 2]]).all()
    found = surface(checkpoint, tmp_path, **options)
    assert found.missing == 0
    assert table.read_text().splitlines(keepends=True) == [
        rows[0],
        "0,0,,0.0,,0.0,1.0,0.0,0.0\n",
        *rows[2:4],
        "0,3,,1.0,,-1.0,0.5,0.1,0.1\n",
    ]


def test_another_landscape_in_the_folder_is_rejected(checkpoint, tmp_path):
    surface(checkpoint, tmp_path, dimensions=1, grid=2)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(
        UsageError, match=r"holds another landscape. Received: grid \[3\] instead of \[2\], seed 1 inst"
    ):
        surface(checkpoint, tmp_path, dimensions=1, grid=3, seed=1)
    with (
        create_model("cifar-resnet20", 1, 2) as other,
        pytest.raises(UsageError, match=r"Received: checkpoint \"\w{8}\" instead of \"\w{8}\""),
    ):
        loss_surface(other, DATA, out=tmp_path, split="test", examples=None, dimensions=1, grid=2)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    # a moved checkpoint is the same
    copy = shutil.copy(checkpoint, tmp_path / "copy.safetensors")
    assert surface(copy, tmp_path, dimensions=1, grid=2).missing == 0
    (tmp_path / "landscape.json").unlink()
    with pytest.raises(UsageError, match=r"points\.csv but no landscape\.json"):
        surface(checkpoint, tmp_path, dimensions=1, grid=2)


def test_data_with_more_classes_and_a_file_as_folder_are_rejected(checkpoint, tmp_path):
    labels = np.arange(32) % 3
    with pytest.raises(UsageError, match=r"(labels|classes)"):
        loss_surface(checkpoint, (DATA[2], labels), out=tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match=r"out must be a folder. Received: the file"):
        surface(checkpoint, checkpoint)


def test_command_measures_a_named_data_set(command, trained, tmp_path):
    arguments = ("--out", "out", "--grid", "3,2", "--range", "-1,0.5,0,1", "--examples", "20", "--split", "test")
    code, out, err = command("landscape", trained.folder, *arguments)
    assert code == 0
    assert re.match(r"d2l-resnet18: 6 of 6 points\nlowest loss [\d.]+ at x = .+, y = .+ \(accuracy [\d.]+\)\n", out)
    assert re.search(r"^6 of 6 points", err, re.MULTILINE)
    assert re.search(r"^Measured on 20 examples \(test\)\.$", out, re.MULTILINE)
    found = read_landscape(tmp_path / "out")
    info = json.loads((tmp_path / "out" / "landscape.json").read_text())
    assert found.info == info
    assert (info["format"], info["kind"], info["dataset"]) == (1, "surface", "fashion-mnist")
    assert (info["grid"], info["range"]) == ([3, 2], [[-1, 0.5], [0, 1]])
    assert info["checkpoint"]["path"] == str(trained.folder / "best.safetensors")
    code, out, _ = command("landscape", "surface", trained.folder, *arguments, "--quiet")
    assert code == 0


def test_training_data_of_a_run_are_those_it_was_trained_on(jvm, tmp_path):
    recipe = Recipe(model="study-resnet20", epochs=1, limit=40, validation=0.25, batch_size=30)
    run = train(recipe=recipe, out=tmp_path / "run", progress=False)
    options = {"dimensions": 1, "grid": 2, "examples": None, "progress": False}
    found = loss_surface(run.folder, out=tmp_path / "own", **options)
    _, metadata = checkpoint_content(run.folder / "last.safetensors")
    assert found.info["data_checksum"] == metadata["run"]["data"]["train"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--grid", "1"), "--grid needs at least 2 points along each axis. Received: 1."),
        (
            ("--grid", "5,1"),
            "--grid needs at least 2 points along each axis. Received: 5,1. For a line use --1d (in Python:",
        ),
        (
            ("--grid", "1", "--1d"),
            "--grid needs at least 2 points along each axis. Received: 1.",
        ),
        (
            ("--grid", "5,5", "--1d"),
            "--grid needs one number of points for a line. Received: 5,5. For a plane omit --1d",
        ),
        (("--grid", "5,5,5"), "--grid needs one number of points, or one for each of the 2 axes. Received: 5,5,5."),
        (("--range", "1,-1"), "--range must go from a smaller to a larger number. Received: 1,-1. Give -1,1."),
        (("--range", "-1,1,2,2"), "--range must go from a smaller to a larger number. Received: 2,2."),
        (("--range", "-1,nan"), "--range must be finite numbers."),
        (("--range", "-1,1,0,1", "--1d"), "--range has a wrong number of values."),
        (("--examples", "1"), "--examples must be a whole number. Received: 1. Allowed: 2 to"),
        (("--normalize", "filters"), "--normalize is unknown. Received: 'filters'."),
        (("--grid", "9999"), "The grid has too many points. Received: 99,980,001."),
        (("--directions", "0"), "--directions must be a whole number."),
    ],
)
def test_wrong_options_are_rejected(rejected, trained, tmp_path, arguments, message):
    code, text = rejected("landscape", trained.folder, "--out", "out", *arguments)
    assert code == 2
    assert text.startswith(message)
    assert not (tmp_path / "out").exists()


def test_reading_explains_what_is_wrong(tmp_path):
    with pytest.raises(UsageError, match=r"has no landscape\.json"):
        read_landscape(tmp_path)
    info = {"format": 1, "model": "m", "grid": [2], "range": [[0, 1]], "directions": 1}
    (tmp_path / "landscape.json").write_text(json.dumps(info))
    assert read_landscape(tmp_path).missing == 2
    (tmp_path / "points.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="not a table of points"):
        read_landscape(tmp_path)
    (tmp_path / "points.csv").write_text("direction,i,j,x,y,loss,accuracy,loss_error,accuracy_error\n0,7,,1,,1,1,1,1\n")
    with pytest.raises(UsageError, match="malformed row"):
        read_landscape(tmp_path)
    (tmp_path / "landscape.json").write_text(json.dumps(info | {"grid": [1]}))
    with pytest.raises(UsageError, match="does not describe a landscape"):
        read_landscape(tmp_path)
