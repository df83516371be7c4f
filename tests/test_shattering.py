"""Correlations of gradients along lines of inputs."""

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from reference_networks import Reference

from py_djl_resnet import Recipe, UsageError, create_model, datasets, train
from py_djl_resnet._java import jvm as java
from py_djl_resnet.shattering import autocorrelation, ends, input_gradients, references, shattered_gradients


def by_definition(vectors, lag):
    """The sample autocorrelation, term by term."""
    mean = sum(vectors) / len(vectors)
    above = sum(np.dot(vectors[j] - mean, vectors[j + lag] - mean) for j in range(len(vectors) - lag))
    return above / sum(np.dot(v - mean, v - mean) for v in vectors)


def test_autocorrelation_of_a_relu_network_is_the_definition():
    # f(x) = v . relu(w x + b) on a line, so that f'(x) = the sum of v w where w x + b > 0
    w, b, v = np.array([1.0, -1.0, 2.0]), np.array([0.5, 0.25, -1.0]), np.array([3.0, 1.0, -2.0])
    x = np.linspace(-1, 1, 9)
    slopes = np.array([sum(vi * wi for wi, bi, vi in zip(w, b, v, strict=True) if wi * xi + bi > 0) for xi in x])
    # by hand: -1 up to x = -0.5, then 3 - 1 = 2 below 0.25, 3 above, and 3 - 4 = -1 above 0.5
    np.testing.assert_array_equal(slopes, [-1, -1, -1, 2, 2, 3, 3, -1, -1])
    found = autocorrelation(slopes, 4)
    np.testing.assert_allclose(found, [by_definition(list(slopes[:, None]), lag) for lag in range(5)], rtol=1e-12)
    # the mean is 5/9; deviations in ninths are -14 (5 times), 13 (twice) and 22 (twice)
    assert found[1] == pytest.approx(
        (3 * 14**2 - 14 * 13 + 13**2 + 13 * 22 + 22**2 - 22 * 14) / (5 * 14**2 + 2 * 13**2 + 2 * 22**2)
    )


def test_autocorrelation_of_vectors_uses_scalar_products():
    vectors = np.random.default_rng(3).standard_normal((20, 5)).cumsum(axis=0)
    found = autocorrelation(vectors, 6)
    np.testing.assert_allclose(found, [by_definition(list(vectors), lag) for lag in range(7)], rtol=1e-12)
    np.testing.assert_array_equal(autocorrelation(np.ones(9), 2), [1, 0, 0])


def test_references_are_those_of_noise():
    noise = references(64)
    assert len(noise["white"]) == len(noise["brown"]) == 17
    # gradients are vectors of thousands of numbers, too
    draws = np.random.default_rng(4).standard_normal((64, 4000))
    np.testing.assert_allclose(noise["white"], autocorrelation(draws, 16), atol=0.005)
    np.testing.assert_allclose(noise["brown"], autocorrelation(draws.cumsum(axis=0), 16), atol=0.02)


@pytest.mark.parametrize(("name", "plain"), [("study-resnet20", False), ("study-plain20", True)])
def test_input_gradients_are_central_differences_of_numpy(jvm, name, plain):
    x = np.random.default_rng(0).standard_normal((33, 3, 8, 8)).astype(np.float32)
    with create_model(name, 3, 4, seed=1) as model:
        gradients = input_gradients(model, x, 3)
        state = {key: np.asarray(value, np.float64) for key, value in model.state_dict().items()}
    assert gradients.shape == x.shape
    reference = Reference(state)

    def logits(images):
        return reference.cifar(images, study=True, plain=plain)[:, 3]

    random = np.random.default_rng(1)
    for index in (0, 32):  # of the first and the last pass
        image = x[index : index + 1].astype(np.float64)
        for _ in range(3):
            direction = random.standard_normal(image.shape)
            expected = (logits(image + 1e-6 * direction) - logits(image - 1e-6 * direction)) / 2e-6
            assert np.sum(gradients[index] * direction) == pytest.approx(expected[0], rel=1e-3)


def test_calibrated_network_normalizes_by_all_points(jvm):
    x = np.random.default_rng(0).standard_normal((12, 3, 8, 8)).astype(np.float32)
    with create_model("study-plain20", 3, 4, seed=1) as model:
        model.handle.calibrate(java.to_direct_buffer(x), list(x.shape))
        state = {key: np.asarray(value, np.float64) for key, value in model.state_dict().items()}
    reference = Reference(state, training=True)
    reference.cifar(x.astype(np.float64), study=True, plain=True)
    for layer in ("bn1", "layer2.1.bn2", "layer3.2.bn2"):
        inputs = reference.normalized[layer]
        np.testing.assert_allclose(state[f"{layer}.running_mean"], inputs.mean((0, 2, 3)), rtol=1e-3, atol=1e-4)
        # PyTorch tracks the unbiased variance
        np.testing.assert_allclose(
            state[f"{layer}.running_var"],
            inputs.transpose(1, 0, 2, 3).reshape(inputs.shape[1], -1).var(1, ddof=1),
            rtol=1e-3,
        )


@pytest.fixture(scope="module")
def measured(jvm):
    return shattered_gradients(["fashion-net"], "fashion-mnist", seeds=[0, 1], points=12)


def test_rows_are_made_of_gradients_along_the_line(measured):
    row = measured.rows[1]
    train, test = (datasets.named("fashion-mnist", None, train=part, limit=None) for part in (True, False))
    with shattered_network(train, 1) as model:
        first, second = row["images"]
        a, b = (prepared(model, test, index) for index in (first, second))
        share = (np.arange(12) / 11).reshape(-1, 1, 1, 1)
        line = ((1 - share) * a + share * b).astype(np.float32)
        model.handle.calibrate(java.to_direct_buffer(line), list(line.shape))
        gradients = input_gradients(model, line, int(test.label(first))).astype(np.float64)
        direction = (b - a) / np.linalg.norm(b - a)
        step = np.linalg.norm(b - a) / 11
        logits = model(line)[:, int(test.label(first))]
    vectors = list(gradients.reshape(12, -1))
    np.testing.assert_allclose(row["autocorrelation"], [by_definition(vectors, lag) for lag in range(4)], rtol=1e-5)
    np.testing.assert_allclose(row["derivative"], (gradients * direction).sum((1, 2, 3)), rtol=1e-4, atol=1e-6)
    # the derivative integrates to the difference of the logits
    mean = np.mean(row["derivative"]) * step * 11
    assert mean == pytest.approx(logits[-1] - logits[0], rel=0.3, abs=0.05)


def shattered_network(train, seed):
    from py_djl_resnet import Model

    return Model(java.bridge().create("fashion-net", train, seed, "auto"))


def prepared(model, examples, index):
    image = model.handle.image(examples, index)
    return np.array(java.from_direct_buffer(image.pixels(), tuple(image.shape()), np.dtype(np.float32)))


def test_seeds_change_weights_and_images(measured):
    first, second = measured.rows
    assert first["images"] != second["images"]
    assert first["autocorrelation"] != second["autocorrelation"]
    again = shattered_gradients(["fashion-net"], "fashion-mnist", seeds=[1], points=12)
    assert again.rows == [second]
    assert all(0 <= index < 10 for seed in range(50) for index in ends(10, seed))
    assert all(len(set(ends(2, seed))) == 2 for seed in range(20))


def test_measured_rows_are_not_measured_again(measured):
    rows = []
    again = shattered_gradients(
        ["fashion-net"], "fashion-mnist", seeds=[0, 1], points=12, done=measured.rows[:1], callback=rows.append
    )
    assert again == measured
    assert rows == measured.rows[1:]


def test_command_writes_figure_and_table(command, trained, tmp_path):
    code, out, err = command(
        *("shattering", "--models", "fashion-net", "--checkpoint", trained.folder, "--seeds", "2,3"),
        *("--points", 12, "--dataset", "fashion-mnist", "--json"),
    )
    assert code == 0, err
    form = json.loads(out)
    assert [(row["model"], row["seed"]) for row in form["rows"]] == [
        (name, seed) for name in ("fashion-net", str(trained.folder)) for seed in (2, 3)
    ]
    assert form["rows"][0]["images"] == form["rows"][2]["images"]
    rows = list(csv.DictReader((tmp_path / "shattering.csv").read_text().splitlines()))
    assert [row["model"] for row in rows[::4]] == ["fashion-net"] * 2 + [str(trained.folder)] * 2 + ["white", "brown"]
    assert float(rows[5]["autocorrelation"]) == form["rows"][1]["autocorrelation"][1]
    assert (tmp_path / "shattering.png").is_file()
    assert err.splitlines()[-2:] == ["figure: shattering.png", "table: shattering.csv"]


def test_wrong_arguments_are_rejected(rejected):
    assert rejected("shattering") == (
        2,
        "Nothing to measure. Give --models or --checkpoint (in Python: models, checkpoints), and at least one seed.",
    )
    code, message = rejected("shattering", "--models", "study-plain21", "--dataset", "fashion-mnist")
    assert code == 2
    assert "Unknown model. Received: 'study-plain21'. Did you mean 'study-plain20'?" in message
    code, message = rejected("shattering", "--models", "fashion-net,fashion-net", "--dataset", "fashion-mnist")
    assert message == "models and checkpoints must not repeat. Received: 'fashion-net' twice."
    code, message = rejected("shattering", "--models", "fashion-net", "--points", "4")
    assert message == "--points must be a whole number. Received: 4. Allowed: 8 to 2147483647."


def test_data_set_of_one_image_is_rejected():
    with pytest.raises(UsageError, match=r"A line needs two images\. Received: a data set with 1 of them"):
        ends(1, 0)


def test_figure_draws_all_networks(measured):
    chart = measured.plot()
    assert len(chart.subfigs) == 2
    lines = chart.subfigs[0].axes[0].get_lines()
    assert [line.get_label() for line in lines] == ["fashion-net", "white noise", "brown noise"]
    np.testing.assert_allclose(lines[0].get_ydata(), measured.autocorrelations("fashion-net").mean(axis=0))
    np.testing.assert_array_equal(chart.subfigs[1].axes[0].get_lines()[0].get_ydata(), measured.rows[0]["derivative"])


def test_other_engine_is_rejected(tmp_path):
    arguments = ("shattering", "--models", "fashion-net", "--dataset", "fashion-mnist", "--engine", "mxnet")
    done = subprocess.run(
        [sys.executable, "-m", "py_djl_resnet", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert "need the PyTorch engine. Received: mxnet. Use --engine pytorch" in done.stderr.splitlines()[-1]


def test_checkpoint_uses_the_data_folder_of_its_run(tmp_path):
    data = tmp_path / "data"
    data.symlink_to(datasets.default_folder("fashion-mnist"))
    recipe = Recipe(epochs=1, limit=64, batch_size=32, data_dir=str(data))
    run = train(recipe=recipe, out=tmp_path / "run", progress=False)
    found = shattered_gradients(dataset="fashion-mnist", checkpoints=[run.folder], seeds=[0], points=8)
    assert len(found.rows) == 1
    data.unlink()
    with pytest.raises(UsageError, match=re.escape(str(data))):
        shattered_gradients(dataset="fashion-mnist", checkpoints=[run.folder], seeds=[0], points=8)
