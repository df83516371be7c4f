"""Checks of the outputs of the six notebooks."""

import json
import re

import numpy as np
import pytest
from notebook_outputs import (
    BLUE,
    GREEN,
    ORANGE,
    check_bars,
    check_curves,
    check_tiles,
    epoch_rows,
    numbers,
    plotly_curves,
)

#: He et al. (2015), table 1: blocks per stage, and multiply-adds in billions from its last row.
TABLE = {
    18: ([2, 2, 2, 2], 1.8),
    34: ([3, 4, 6, 3], 3.6),
    50: ([3, 4, 6, 3], 3.8),
    101: ([3, 4, 23, 3], 7.6),
    152: ([3, 8, 36, 3], 11.3),
}
#: The parameters of torchvision's networks.
PARAMETERS = [11689512, 21797672, 25557032, 44549160, 60192808]

FINAL = r"loss (\d+\.\d{3}), train acc ([01]\.\d{3}), test acc ([01]\.\d{3})\n(\d+\.\d) examples/sec"
BEST = r"best test acc (\S+), after epoch (\d+)"
MIN_ACCURACY = 0.6  # of a saved run on the test data


def check_training(text, epochs):
    """Checks the bars and epoch lines of a training run and returns the numbers of the lines."""
    rows = epoch_rows(text)
    assert rows.shape == (epochs, 4)
    assert np.isfinite(rows).all()
    assert ((rows[:, [1, 3]] > 0) & (rows[:, [1, 3]] <= 1)).all()
    for epoch, row in enumerate(rows, 1):
        for phase, (loss, accuracy) in (("Training  ", row[:2]), ("Validating", row[2:])):
            (bar,) = re.findall(rf"{phase} {epoch}/{epochs} 100% \|█+\| (\d+)/(\d+)(.*)", text)
            assert bar[0] == bar[1]
            assert numbers(r", loss (\S+), accuracy ([\d.]+)", bar[2]) == [loss, accuracy]
    if epochs > 1:
        assert rows[-1, 0] < rows[0, 0]
        assert rows[-1, 3] > MIN_ACCURACY
    return rows


def check_plotly(html, rows):
    epochs = range(1, len(rows) + 1)
    curves = plotly_curves(html)
    assert list(curves) == ["train loss", "train accuracy", "test loss", "test accuracy"]
    for points, column in zip(curves.values(), range(4), strict=True):
        assert [x for x, _ in points] == list(epochs)
        assert np.allclose([y for _, y in points], rows[:, column], atol=5.1e-4)


def check_table(notebook):
    lines = notebook.text("Summary usual").splitlines()[1:]
    rows = [re.fullmatch(r" *(\d+)  (\[[\d, ]+\]) +(\S+) +(\S+)e9 +(\S+)e9", line).groups() for line in lines]
    assert [int(row[0]) for row in rows] == list(TABLE)
    for (layers, blocks, parameters, _, first), expected in zip(rows, PARAMETERS, strict=True):
        stages, billions = TABLE[int(layers)]
        assert json.loads(blocks) == stages
        assert int(parameters.replace(",", "")) == expected
        assert abs(float(first) - billions) < 0.1
    compared = notebook.text("boolean sameLayers").splitlines()[1:]
    assert [int(line.split()[0]) for line in compared] == list(TABLE)
    for line in compared:
        difference, largest = numbers(r"true +true +\(1, 1000\) +(\S+) of (\S+)$", line)
        assert 0 <= difference <= 1e-4 * largest
        assert largest > 0


def check_resnet(notebook, epochs):
    assert notebook.text("Residual block = new Residual(3, false") == "(4, 3, 6, 6)"
    assert notebook.text("Residual halving = new Residual(6, true") == "(4, 6, 3, 3)"
    nested = notebook.data("Diagram classes", "image/svg+xml")
    assert (nested.count("<circle"), nested.count(">f*<")) == (8, 2)
    blocks = notebook.data("Diagram blocks", "image/svg+xml")
    assert [blocks.count(f">{layer}<") for layer in ("3\xd73 convolution", "1\xd71 convolution", "ReLU", "+")] == [
        4,
        1,
        4,
        2,
    ]
    printout = notebook.data("String printed = net", "text/html")
    assert printout.startswith("<details><summary>")
    assert printout.count("\t\tResidual(") == 8
    drawing = notebook.data("Diagram architecture", "image/svg+xml")
    assert drawing.count(">residual block<") == 8
    assert re.findall(r">(\(1, \d+, 7, 7\)|\(1, 10\))<", drawing) == ["(1, 512, 7, 7)", "(1, 10)"]
    # the book's layers with the shapes of He et al.'s table 1
    shapes = re.findall(r"^(\d\d\w+) layer output : \((.*)\)$", notebook.text("layer output"), re.M)
    small, large = "1, 64, 56, 56", "1, 64, 112, 112"
    assert shapes == [
        ("01Conv2d", large),
        ("02BatchNorm", large),
        ("03LambdaBlock", large),
        ("04LambdaBlock", small),
        ("05SequentialBlock", small),
        ("06SequentialBlock", "1, 128, 28, 28"),
        ("07SequentialBlock", "1, 256, 14, 14"),
        ("08SequentialBlock", "1, 512, 7, 7"),
        ("09LambdaBlock", "1, 512"),
        ("10Linear", "1, 10"),
    ]
    assert notebook.text("long own = 0").strip() == "11,178,378 and 11,178,378 parameters"
    rows = check_training(notebook.text("TrainingRun run ="), epochs)
    loss, train, test, speed = numbers(FINAL, notebook.text("examples/sec"))
    assert [loss, train, test] == [rows[-1, 0], rows[-1, 1], rows[-1, 3]]
    assert speed > 0
    best, epoch = numbers(BEST, notebook.text("examples/sec"))
    assert best == rows[int(epoch) - 1, 3] == rows[:, 3].max()
    check_plotly(notebook.data("MetricsFigure.of(", "text/html"), rows)
    check_table(notebook)
    # exercises 2 to 4
    assert notebook.text("Block bottleneck = new Bottleneck") == "(2, 128, 4, 4)"
    count, difference = numbers(
        r"(\d+) parameters, same shapes: true, largest difference: (.*)", notebook.text("sameShapes")
    )
    assert count == 20
    assert difference < 1e-4
    assert "passes x on unchanged: true\nthe original block does: false\n" in notebook.text(
        "PreactBasicBlock preactivated"
    )
    (preactivated,) = epoch_rows(notebook.text("preact-resnet18"))
    assert np.isfinite(preactivated).all()
    assert preactivated[3] > (MIN_ACCURACY if epochs > 1 else 0)
    change, without = numbers(r"after a ReLU: (.*), without: (.*)", notebook.text("Residual identity"))
    assert (change, without > 1) == (0, True)


def check_resnet_python(notebook, epochs):
    text = notebook.text("model.summary(")
    assert text.startswith("(4, 10)\n")
    assert "trainable parameters: 11,178,378" in text
    line = notebook.text("progress=LiveFigure()").splitlines()[0]
    row = numbers(r"train loss (\S+), train acc (\S+), test loss (\S+), test acc (\S+)", line)
    assert line.startswith(f"epoch {epochs}/{epochs}: ")
    check_curves(notebook.image("progress=LiveFigure()"), (BLUE, ORANGE, GREEN), epochs)
    loss, train, test, speed = numbers(FINAL, notebook.text("examples/sec").strip())
    assert [loss, train, test] == [row[0], row[1], row[3]]
    assert speed > 0
    evaluation = notebook.text("print(evaluation)")
    test_loss, accuracy, count = numbers(r"^loss (\S+), accuracy (\S+), (\d+) examples", evaluation)
    assert (accuracy, test_loss) == (test, pytest.approx(row[2], abs=2e-3))
    matrix = np.array([line.split()[-10:] for line in evaluation.strip().splitlines()[-10:]], int)
    assert np.sum(matrix) == count
    assert np.trace(matrix) / count == pytest.approx(accuracy, abs=5e-4)
    notebook.image("evaluation.plot()")
    by_hand, measured = numbers(r"accuracy (\S+), as measured above: (\S+)", notebook.text("np.mean(predicted"))
    assert by_hand == measured == pytest.approx(accuracy, abs=5.1e-4)
    notebook.image("worst = ")
    top = re.findall(r"^([\w/ -]+): ([01]\.\d{3})$", notebook.text("resnet.predict("), re.M)
    probabilities = [float(probability) for _, probability in top]
    assert len(top) == len(dict(top)) == 3
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0.1 <= probabilities[0] <= sum(probabilities) <= 1.002
    if epochs > 1:
        assert test > MIN_ACCURACY
        assert top[0][0] == "Ankle boot"
    assert notebook.image("photograph.save(").shape == (280, 280, 3)
    # two panels with the legend below
    for panel in np.array_split(notebook.image("plot_runs([")[:-80], 2, axis=1):
        check_curves(panel, (BLUE, ORANGE), epochs)


def check_mixed(notebook, epochs):
    assert "[4. , 4.5, 5. , 5.5]], dtype=float32)" in notebook.text("NDArray scaled")
    assert notebook.text("print(text, total)") == f"Größe (3, 4) {2**43}\n\nTrue"
    assert notebook.text("%%java -o block").strip() == "(4, 3, 6, 6) -> (4, 6, 3, 3)"
    assert notebook.text("type(held)") == "'org.djlresnet.block.Residual'"
    assert notebook.text("held == block") == "True"
    assert "04layer1     (2, 16, 28, 28)\n05layer2     (2, 32, 14, 14)" in notebook.text("NDList layer")
    text = notebook.text("print(made")
    (difference,) = numbers(r"largest difference: (\S+)", text)
    assert 0 <= difference < 1e-4
    assert "Model('plain20', in_channels=1, classes=2) ['shoe', 'shirt'] (2, 2)" in text
    rows = check_training(notebook.text("Bars.train"), epochs)
    assert notebook.text("resnet.load(folder)").startswith(f"test acc {rows[-1, 3]:.3f}, d2l-resnet18, 1 channel")
    check_plotly(notebook.data("resnet.load(folder)", "text/html"), rows)
    check_curves(notebook.image("Run.open(folder).plot("), (BLUE, ORANGE, GREEN), epochs)
    assert "ArithmeticException: / by zero" in notebook.error("int divide")
    assert ", line 2: return a / b;" in notebook.error("int divide")
    assert "int cannot be converted to java.lang.String" in notebook.error("String wrong")
    assert ", line 2: String wrong = fine;" in notebook.error("String wrong")


def check_gradient_flow(notebook, epochs):
    text = notebook.text("def difference(terms)")
    difference, without = numbers(r"two sides: (\S+), without the addition: (\S+)", text)
    whole, branch, identity = numbers(r"block (\S+), branch (\S+), identity (\S+)", text)
    assert 0 <= difference < 1e-4 * whole
    # the check fails without the identity's part
    assert without > 1
    assert min(branch, identity) > 0.1 * whole
    change, predicted = numbers(r"small step: (\S+), predicted by the gradient: (\S+)", text)
    assert change > 0.1
    assert change == pytest.approx(predicted, rel=0.01)
    networks = {"plain20": 19, "cifar-resnet20": 19, "plain56": 55, "cifar-resnet56": 55}
    start = {
        name: numbers(rf"{name}: (\d+) convolutions, first (\S+), last (\S+)$", line)
        for name, line in zip(networks, notebook.text("at_start = {}").splitlines(), strict=True)
    }
    assert {name: int(count) for name, (count, *_) in start.items()} == networks
    assert all(min(first, last) > 0 for _, first, last in start.values())
    after = {
        name: numbers(rf"{name}: after (\d+) steps train loss (\S+), test acc (\S+)$", line)
        for name, line in zip(networks, notebook.text("runs = {name").splitlines(), strict=True)
    }
    assert all(loss > 0 and 0 < accuracy <= 1 for _, loss, accuracy in after.values())
    for panel in np.array_split(notebook.image("axes.semilogy"), 2, axis=1):
        check_curves(panel, (BLUE, ORANGE), epochs=2)
    ratios = {
        name: numbers(rf"{name}: first quarter / last quarter (\S+) at the start, (\S+) after \d+ steps$", line)
        for name, line in zip(networks, notebook.text("def steepness").splitlines(), strict=True)
    }
    assert ratios["plain56"][0] > 20 * ratios["cifar-resnet56"][0]
    assert all(min(pair) > 0 for pair in ratios.values())
    whole, *costs = (line.split() for line in notebook.text("costs = resnet.bypass_costs").splitlines()[1:])
    assert whole[0] == "-"
    assert [name for name, *_ in costs] == [f"layer{s}.{b}" for s in (1, 2, 3) for b in range(3)]
    values = np.array([row[1:] for row in costs], float)
    assert np.isfinite(values).all()
    assert np.allclose(values[:, 2], float(whole[2]) - values[:, 1], atol=1.1e-3)
    check_bars(notebook.image("costs.plot()"), (BLUE, ORANGE, GREEN), values[:, 1])
    if epochs > 1:
        assert after["cifar-resnet56"][2] > max(0.4, after["plain56"][2])
        assert values[:, 2].max() > 0.1
        # leaving out a block does not help
        assert (values[:, 2] > -0.02).all()


def check_residual_study(notebook, epochs):
    networks = {"plain20": 19, "cifar-resnet20": 19, "plain56": 55, "cifar-resnet56": 55}
    told = notebook.text("study.run_study").splitlines()
    assert told[:4] == [f"run {i} of 4: {name}, seed 0" for i, name in enumerate(networks, 1)]
    assert {"table.csv", "gradients.csv", "depth.png", "report.html"} <= set(told)
    ended = {
        name: numbers(rf"{name}: train loss (\S+), test acc (\S+)$", line)
        for name, line in zip(networks, notebook.text("for name, run in runs.items").splitlines(), strict=True)
    }
    assert all(loss > 0 and 0 < accuracy <= 1 for loss, accuracy in ended.values())
    first = {
        name: numbers(rf"{name}: (\d+) convolutions, first (\S+), last (\S+)$", line)
        for name, line in zip(networks, notebook.text("first = {}").splitlines()[:4], strict=True)
    }
    assert {name: int(count) for name, (count, *_) in first.items()} == networks
    # the gradient explodes on its way to the first layer, but not with shortcuts
    assert first["plain56"][1] > 20 * max(first["cifar-resnet56"][1], first["plain56"][2])
    check_curves(notebook.image("first = {}"), (BLUE, ORANGE), epochs=2)
    text = notebook.text("damaged = resnet.lesions")
    errors = {words[0]: float(words[1]) for words in map(str.split, text.splitlines()[1:11])}
    assert list(errors) == ["none", *(f"layer{s}.{b}" for s in (1, 2, 3) for b in range(3))]
    assert len(re.findall(r"^(?:\d blocks? left out|\d swaps?) +5 .* \d\.\d{3} \u00b1 ", text, re.M)) == 4
    lag = {line.rsplit(maxsplit=6)[0]: line.split() for line in notebook.text("shattered_gradients").splitlines()[1:5]}
    after_one = {name: float(words[1]) for name, words in lag.items()}
    assert list(after_one) == list(networks)
    # deep plain networks have gradients like white noise
    assert abs(after_one["plain56"]) < 0.2 < after_one["cifar-resnet56"] < after_one["cifar-resnet20"] < 1
    assert after_one["plain56"] < after_one["plain20"] < after_one["cifar-resnet20"]
    text = notebook.text("resnet.loss_surface")
    found = []
    for name in ("plain20", "cifar-resnet20"):
        (lowest,) = numbers(rf"{name}: 81 of 81 points\nlowest loss (\S+) at", text)
        centre, other = numbers(rf"{name}: loss at the centre (\S+) on training images, (\S+) on test", text)
        assert lowest > 0
        # hardly overfitted: better than guessing on both
        assert max(centre, other) < np.log(10) or epochs == 1
        found.append((lowest, centre))
    notebook.image("resnet.loss_surface")
    measured = notebook.text("surface.measures()")
    curvatures = re.findall(r"^(smaller|larger) curvature at the centre +(\S+)$", measured, re.M)
    assert [which for which, _ in curvatures] == ["smaller", "larger"] * 2
    for (_, larger), (lowest, centre) in zip(
        np.reshape([float(value) for _, value in curvatures], (2, 2)), found, strict=True
    ):
        # at the lowest point of the grid, the surface rises on all sides
        assert larger > 0 or lowest < centre - 1e-3
    text = notebook.text("resnet.loss_trajectory")
    share, count = numbers(r"explains (\S+) of the path of (\d+) checkpoints", text)
    # two differences always lie in their plane
    assert share == pytest.approx(1, abs=1e-3) if count == 3 else 0.5 < share < 1
    path = [
        numbers(r"epoch (\d+): loss (\S+), in the plane (\S+)$", line) for line in text.splitlines()[1 : int(count) + 1]
    ]
    assert [int(epoch) for epoch, *_ in path] == list(range(1, int(count) + 1))
    for _, own, projected in path if count == 3 else path[-1:]:
        assert own == pytest.approx(projected, abs=2e-3)
    # the surface is that of the last checkpoint
    assert path[-1][1] == pytest.approx(found[1][1], abs=2e-3)
    notebook.image("resnet.loss_trajectory")
    text = notebook.text("resnet.interpolate_loss")
    ends = numbers(r"loss (\S+) at the first checkpoint, (\S+) at the last$", text.splitlines()[0])
    assert list(ends) == [pytest.approx(path[0][1], abs=2e-3), pytest.approx(path[-1][1], abs=2e-3)]
    assert re.search(r"^barrier between A and B +\S+$", text, re.M)
    notebook.image("resnet.interpolate_loss")
    text = notebook.text("resnet.loss_hessian")
    ends = [re.findall(rf"^{end} eigenvalue +(\S+)", text, re.M) for end in ("smallest", "largest")]
    assert [len(values) for values in ends] == [2, 2]
    assert all(float(largest) > 0 for largest in ends[1])
    if epochs > 1:
        assert ended["cifar-resnet20"][1] > 0.4
        # most single blocks matter less than half of what the network has learned
        blocks = sorted(list(errors.values())[1:])
        assert blocks[4] < (errors["none"] + 0.9) / 2


def check_vae(notebook, epochs):
    text = notebook.text("untrained = resnet.create_model")
    assert text.splitlines()[:2] == [
        "Model('vae-small', image=(1, 28, 28), latent_dim=32) (4, 32) (4, 32)",
        "(4, 1, 28, 28)",
    ]
    assert numbers(r"([\d,]+) parameters", text)[0] > 100_000
    text = notebook.text("run = resnet.train(")
    elbos = [
        numbers(rf"epoch {epoch}/{epochs}: train elbo (\S+), .*, validation elbo (\S+), validation rec", line)
        for epoch, line in enumerate(text.splitlines()[:-1], 1)
    ]
    assert len(elbos) == epochs
    best, elbo = numbers(r"best epoch: (\d+), validation ELBO (\S+)$", text)
    assert elbo == pytest.approx(max(validation for _, validation in elbos), abs=0.1)
    assert elbo == pytest.approx(elbos[int(best) - 1][1], abs=0.1)
    if epochs > 1:
        assert elbos[-1][0] > elbos[0][0]
    for panel in np.array_split(notebook.image("run.plot()"), 3, axis=1):
        check_curves(panel, (BLUE, ORANGE), epochs)
    text = notebook.text("resnet.evaluate_autoencoder")
    bounds = [numbers(rf"IWAE bound, {k} samples? +(\S+) +(\S+)", text)[0] for k in (1, 10, 100)]
    assert bounds == sorted(bounds)
    active, size = numbers(r"active units +(\d+) of (\d+)", text)
    assert 0 <= active <= size == 32
    for k, line in zip((1, 10), notebook.text("def log_weights").splitlines(), strict=True):
        by_hand, measured, _ = numbers(rf"^k = {k}: (\S+), as measured above: (\S+) ± (\S+)$", line)
        # of the same images: only the codes differ, and the standard error over images does not matter
        assert by_hand == pytest.approx(measured, abs=2)
    for figure, rows, columns in (
        ("samples", 4, 8),
        ("reconstructions", 4, 8),
        ("interpolation", 1, 11),
        ("traversal", 6, 11),
    ):
        tiles = check_tiles(notebook.image(f"autoencoder.plot_{figure}("), rows, columns)
        if figure == "reconstructions" and epochs > 1:
            # each reconstruction is more like the image above it than the others are
            for given, restored in (tiles[:2], tiles[2:]):
                likeness = np.corrcoef(given.reshape(columns, -1), restored.reshape(columns, -1))[:columns, columns:]
                assert np.diag(likeness).mean() > likeness.mean() + 0.2
    points = notebook.image("autoencoder.plot_latent(")
    # transparent points on white, without the legend
    for colour in np.array([BLUE, ORANGE, GREEN]):
        assert (np.abs(points[:, :600] - (0.7 * colour + 0.3 * 255)) < 20).all(axis=2).sum() > 50


CHECKS = {
    "resnet": check_resnet,
    "resnet_python": check_resnet_python,
    "mixed": check_mixed,
    "gradient_flow": check_gradient_flow,
    "residual_study": check_residual_study,
    "vae": check_vae,
}
