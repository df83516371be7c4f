"""The four notebooks: run with small settings, and as they are saved with their outputs."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from chromium import curves, drawn, needs_chromium

ROOT = Path(__file__).parent.parent
NAMES = ("resnet", "resnet_python", "mixed", "gradient_flow")
SETTINGS = {"MAX_EPOCH": "1", "DATASET_LIMIT": "256", "OMP_NUM_THREADS": "1"}

pytestmark = pytest.mark.slow


class Notebook:
    """A notebook's outputs, found by what stands in a cell."""

    def __init__(self, path):
        self.cells = [c for c in json.loads(path.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]

    def outputs(self, part):
        (cell,) = (c for c in self.cells if part in "".join(c["source"]))
        return cell["outputs"]

    def text(self, part):
        """What a cell printed, or its value."""
        printed = "".join("".join(o.get("text", "")) for o in self.outputs(part))
        values = ["".join(o.get("data", {}).get("text/plain", "")) for o in self.outputs(part)]
        return "\n".join(text for text in [printed, *values] if text)

    def data(self, part, kind):
        (found,) = (o["data"][kind] for o in self.outputs(part) if kind in o.get("data", {}))
        return "".join(found)

    def error(self, part):
        (output,) = self.outputs(part)
        return "\n".join(output["traceback"])

    def has_picture(self, part):
        return base64.b64decode(self.data(part, "image/png")).startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def executed(java_kernel, tmp_path_factory):
    """Executes a notebook once, as a reader would without a browser."""
    pytest.importorskip("nbconvert", reason="the extra [notebook] is not installed")
    folder = tmp_path_factory.mktemp("notebooks")
    done = {}

    def run(name):
        if name not in done:
            command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", f"--output-dir={folder}"]
            options = ["--ExecutePreprocessor.coalesce_streams=True", str(ROOT / f"notebooks/{name}.ipynb")]
            ran = subprocess.run(
                [*command, *options], env={**os.environ, **SETTINGS}, capture_output=True, text=True, timeout=600
            )
            assert ran.returncode == 0, ran.stderr
            done[name] = Notebook(folder / f"{name}.ipynb")
        return done[name]

    return run


def saved(name):
    return Notebook(ROOT / f"notebooks/{name}.ipynb")


def numbers(pattern, text):
    """The groups of the one match of a pattern, as numbers."""
    (found,) = re.findall(pattern, text)
    return [float(part.replace(",", "")) for part in found]


FINAL = r"loss (\d+\.\d{3}), train acc ([01]\.\d{3}), test acc ([01]\.\d{3})\n(\d+\.\d) examples/sec"


def check_training(text, epochs):
    for epoch in range(1, epochs + 1):
        assert re.search(rf"Training   {epoch}/{epochs} 100% \|█+\| (\d+)/\1", text)
        assert re.search(rf"Validating {epoch}/{epochs} 100% \|█+\| (\d+)/\1", text)
        assert f"\nepoch {epoch}/{epochs}: train loss " in text


def check_resnet(notebook, epochs):
    assert notebook.text("Residual block = new Residual(3, false") == "(4, 3, 6, 6)"
    assert notebook.text("Residual halving = new Residual(6, true") == "(4, 6, 3, 3)"
    printout = notebook.text("System.out.println(net)")
    assert printout.count("\t\tResidual(") == 8
    # the book's layers, with the shapes of He et al.'s table 1
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
    check_training(notebook.text("TrainingRun run ="), epochs)
    loss, train, test, speed = numbers(FINAL, notebook.text("examples/sec").strip())
    assert loss > 0
    assert 0 < train <= 1
    assert 0 < test <= 1
    assert speed > 0
    assert "Plotly.newPlot" in notebook.data("MetricsFigure.of(", "text/html")
    # exercise 1: torchvision's counts; the paper's multiply-adds, which it cuts off, for the paper's arrangement
    table = np.array([line.replace(",", "").split() for line in notebook.text("int depth").splitlines()[1:]])
    assert table[:, 1].astype(int).tolist() == [11689512, 21797672, 25557032, 44549160, 60192808]
    assert np.allclose([float(n) for n in table[:, 3]], [1.8e9, 3.6e9, 3.8e9, 7.6e9, 11.3e9], atol=0.11e9)
    # exercises 2 to 4
    assert notebook.text("Block bottleneck = new Bottleneck") == "(2, 128, 4, 4)"
    count, difference = numbers(
        r"(\d+) parameters, same shapes: true, greatest difference: (.*)", notebook.text("sameShapes")
    )
    assert count == 20
    assert difference < 1e-4
    assert "passes x on unchanged: true\nthe older block does: false\n" in notebook.text(
        "PreactBasicBlock preactivated"
    )
    assert re.search(r"epoch 1/1: train loss \d", notebook.text("preact-resnet18"))
    change, without = numbers(r"after a ReLU: (.*), without: (.*)", notebook.text("Residual identity"))
    assert (change, without > 1) == (0, True)


def check_resnet_python(notebook, epochs):
    text = notebook.text("model.summary(")
    assert text.startswith("(4, 10)\n")
    assert "trainable parameters: 11,178,378" in text
    assert notebook.text("progress=LiveFigure()").startswith(f"epoch {epochs}/{epochs}: train loss ")
    assert notebook.has_picture("progress=LiveFigure()")
    _, _, test, _ = numbers(FINAL, notebook.text("examples/sec").strip())
    evaluation = notebook.text("print(evaluation)")
    _, accuracy, count = numbers(r"^loss (\S+), accuracy (\S+), (\d+) examples", evaluation)
    assert accuracy == test
    rows = [list(map(int, line.split()[-10:])) for line in evaluation.strip().splitlines()[-10:]]
    assert np.sum(rows) == count
    assert np.trace(rows) / count == pytest.approx(accuracy, abs=5e-4)
    assert notebook.has_picture("evaluation.plot()")
    by_hand, measured = numbers(r"accuracy (\S+), as measured above: (\S+)", notebook.text("np.mean(predicted"))
    assert by_hand == measured
    assert notebook.has_picture("worst = ")
    top = re.findall(r"^([\w/ -]+): ([01]\.\d{3})$", notebook.text("resnet.predict("), re.M)
    assert len(top) == 3
    assert 0 < sum(float(probability) for _, probability in top) <= 1.001
    assert notebook.has_picture("photograph.save(")
    assert notebook.has_picture('"momentum": momentum.history')


def check_mixed(notebook, epochs):
    assert "[4. , 4.5, 5. , 5.5]], dtype=float32)" in notebook.text("NDArray scaled")
    assert notebook.text("print(text, total)") == f"Größe (3, 4) {2**43}\n\nTrue"
    assert notebook.text("%%java -o block").strip() == "(4, 3, 6, 6) -> (4, 6, 3, 3)"
    assert notebook.text("type(held)") == "'org.djlresnet.block.Residual'"
    assert notebook.text("held == block") == "True"
    assert "04layer1     (2, 16, 28, 28)\n05layer2     (2, 32, 14, 14)" in notebook.text("NDList layer")
    text = notebook.text("print(made")
    assert float(re.search(r"greatest difference: (\S+)", text)[1]) < 1e-5
    assert "Model('plain20', in_channels=1, classes=2) ['shoe', 'shirt'] (2, 2)" in text
    check_training(notebook.text("Bars.train"), epochs)
    assert re.match(r"test acc [01]\.\d{3}, d2l-resnet18, 1 channel", notebook.text("resnet.load(folder)"))
    assert "Plotly.newPlot" in notebook.data("resnet.load(folder)", "text/html")
    assert notebook.has_picture("Run.open(folder).plot()")
    assert "ArithmeticException: / by zero" in notebook.error("int divide")
    assert ", line 2: return a / b;" in notebook.error("int divide")
    assert "int cannot be converted to java.lang.String" in notebook.error("String wrong")
    assert ", line 2: String wrong = fine;" in notebook.error("String wrong")


def check_gradient_flow(notebook, epochs):
    text = notebook.text("both_terms = ")
    difference = float(re.search(r"two sides: (\S+)", text)[1])
    whole, branch, identity = numbers(r"sum (\S+), branch (\S+), identity (\S+)", text)
    assert difference < 1e-4 * whole
    # the identity's part is no trifle, so that a gradient without it would be seen
    assert min(branch, identity) > 0.1 * whole
    change, predicted = numbers(r"small step: (\S+), by the gradient: (\S+)", text)
    assert change == pytest.approx(predicted, rel=0.02)
    start = re.findall(r"^([\w-]+): (\d+) convolutions, first (\S+), last (\S+)$", notebook.text("at_start = {}"), re.M)
    assert [(name, int(count)) for name, count, *_ in start] == [
        ("plain20", 19),
        ("cifar-resnet20", 19),
        ("plain56", 55),
        ("cifar-resnet56", 55),
    ]
    assert (
        len(re.findall(r"after \d+ steps train loss \d+\.\d{3}, test acc [01]\.\d", notebook.text("runs = {name"))) == 4
    )
    assert notebook.has_picture("axes.semilogy")
    ratios = dict(
        re.findall(r"^([\w-]+): first quarter by last quarter (\S+) at the start", notebook.text("def steepness"), re.M)
    )
    assert float(ratios["plain56"]) > 20 * float(ratios["cifar-resnet56"])
    costs = notebook.text("costs = resnet.bypass_costs")
    assert re.findall(r"^(layer\d\.\d)", costs, re.M) == [f"layer{s}.{b}" for s in (1, 2, 3) for b in range(3)]
    assert notebook.has_picture("costs.plot()")


CHECKS = {
    "resnet": check_resnet,
    "resnet_python": check_resnet_python,
    "mixed": check_mixed,
    "gradient_flow": check_gradient_flow,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_computes_what_it_says(executed, name):
    CHECKS[name](executed(name), epochs=1)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_notebook_holds_all_outputs_of_a_longer_run(name):
    notebook = saved(name)
    assert [cell["execution_count"] for cell in notebook.cells] == list(range(1, len(notebook.cells) + 1))
    CHECKS[name](notebook, epochs=2)


@pytest.mark.parametrize("name", NAMES)
def test_a_rendered_page_is_of_the_saved_notebook(name):
    page = (ROOT / f"docs/notebooks/{name}.md").read_text("utf-8")
    for picture in re.findall(r"!\[\w*\]\(([^)]+)\)", page):
        assert (ROOT / "docs/notebooks" / picture).is_file()
    for cell in saved(name).cells:
        assert "".join(cell["source"]).splitlines()[-1].strip() in page
        for output in cell["outputs"]:
            printed = "".join(output.get("text", "")).splitlines()
            assert all(line.strip() in page for line in printed)


@needs_chromium
def test_the_console_of_a_page_is_heard(tmp_path):
    _, console = drawn("<script>console.error('heard'); undefinedName();</script>", tmp_path)
    assert len(console) == 2


@needs_chromium
@pytest.mark.parametrize(("name", "part"), [("resnet", "MetricsFigure.of("), ("mixed", "resnet.load(folder)")])
def test_tablesaws_curves_are_drawn_without_a_network(tmp_path, name, part):
    notebook = saved(name)
    html = notebook.data(part, "text/html")
    assert not re.findall(r"<script[^>]*\bsrc=|<link\b|https?://cdn", html)
    dom, console = drawn(html, tmp_path)
    assert console == []
    printed = notebook.text("TrainingRun run =")
    pattern = r"epoch \d/2: train loss (\S+), train acc (\S+), test loss \S+, test acc (\S+)"
    values = np.array(re.findall(pattern, printed), float).T  # (curves, epochs)
    found = curves(dom)
    assert [len(points) for points in found] == [2, 2, 2]
    heights = np.array([[y for _, y in points] for points in found])
    # a height in pixels is the value, scaled and shifted the same way for all curves
    slope, shift = np.polyfit(values.ravel(), heights.ravel(), 1)
    assert slope < -50
    assert np.allclose(heights, slope * values + shift, atol=1)
    assert {x for points in found for x, _ in points} == {x for x, _ in found[0]}


@needs_chromium
def test_the_curves_of_a_run_just_made_are_drawn_as_points(executed, tmp_path):
    dom, console = drawn(executed("resnet").data("MetricsFigure.of(", "text/html"), tmp_path)
    assert console == []
    assert len(re.findall(r'<path class="point"', dom)) == 3
