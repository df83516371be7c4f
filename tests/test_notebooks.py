"""The four notebooks: executed with small settings, and saved with their outputs."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import chromium
import numpy as np
import pytest
from notebook_checks import CHECKS, check_resnet
from notebook_outputs import BLUE, ORANGE, Notebook, check_curves, epoch_rows, pixels, plotly_curves
from PIL import Image

# imported before a test changes the folder in which Jupyter looks for its files
run_notebooks = pytest.importorskip("run_notebooks", reason="the extra [notebook] is not installed")

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs/notebooks"
NAMES = ("resnet", "resnet_python", "mixed", "gradient_flow")
SETTINGS = {"MAX_EPOCH": "1", "DATASET_LIMIT": "256", "OMP_NUM_THREADS": "1"}
pytestmark = pytest.mark.slow
needs_chromium = pytest.mark.skipif(chromium.NAME is None, reason="needs Chromium")


def execute(name, folder, **environment):
    """Executes a notebook without a browser. It must leave no temporary files."""
    temporary = folder / "tmp"
    temporary.mkdir()
    ran = subprocess.run(
        [sys.executable, str(ROOT / "tools/run_notebooks.py"), "--out", str(folder), f"{ROOT}/notebooks/{name}.ipynb"],
        env={
            **os.environ,
            **SETTINGS,
            "TMPDIR": str(temporary),
            "JDK_JAVA_OPTIONS": f"-Djava.io.tmpdir={temporary}",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    assert list(temporary.iterdir()) == []
    return Notebook(folder / f"{name}.ipynb")


@pytest.fixture(scope="module")
def executed(java_kernel, tmp_path_factory):
    """Executes each notebook once."""
    done = {}

    def run(name):
        if name not in done:
            done[name] = execute(name, tmp_path_factory.mktemp(name))
        return done[name]

    return run


@pytest.mark.parametrize("name", NAMES)
def test_notebook_results_match_its_text(executed, name):
    CHECKS[name](executed(name), epochs=1)


def test_resnet_notebook_runs_on_mxnet(java_kernel, tmp_path):
    from py_djl_resnet.notebook import kernel

    spec = tmp_path / "jupyter/kernels" / kernel.NAME
    shutil.copytree(java_kernel, spec)
    (spec / "kernel.json").write_text(json.dumps(kernel.expected("mxnet")), encoding="utf-8")
    check_resnet(execute("resnet", tmp_path, JUPYTER_DATA_DIR=str(tmp_path / "jupyter")), epochs=1)


@pytest.mark.parametrize("name", NAMES)
def test_saved_notebook_has_the_outputs_of_a_full_run(name):
    path = ROOT / f"notebooks/{name}.ipynb"
    notebook = Notebook(path)
    assert [cell["execution_count"] for cell in notebook.cells] == list(range(1, len(notebook.cells) + 1))
    settings = notebook.content["metadata"]["py_djl_resnet"]["settings"]
    assert settings["MAX_EPOCH"] > 1
    named = f"MAX_EPOCH={settings['MAX_EPOCH']} DATASET_LIMIT={settings['DATASET_LIMIT']}"
    assert f"a run with `{named}` on" in "".join(notebook.content["cells"][0]["source"])
    CHECKS[name](notebook, epochs=settings["MAX_EPOCH"])
    code = run_notebooks.code_digest(run_notebooks.nbformat.read(path, 4))
    assert notebook.content["metadata"]["py_djl_resnet"]["code"] == code, "run tools/run_notebooks.py"


def drawn_from(png, html):
    """Returns whether a PNG names this figure as its source; pixels differ between browsers."""
    with Image.open(io.BytesIO(png)) as image:
        return image.info.get("figure") == run_notebooks.digest(html)


@pytest.mark.parametrize("name", NAMES)
def test_rendered_page_matches_the_saved_notebook(name, tmp_path):
    run_notebooks.render(ROOT / f"notebooks/{name}.ipynb", tmp_path, draw=str.encode)
    page = (PAGES / f"{name}.md").read_text("utf-8")
    assert page == (tmp_path / f"{name}.md").read_text("utf-8"), "run tools/run_notebooks.py --render-only"
    rendered = {file.name: file for file in (tmp_path / name).iterdir()}
    assert rendered.keys() == {file.name for file in (PAGES / name).iterdir()}
    assert rendered.keys() == set(re.findall(rf"!\[\w[^]]{{9,}}\]\({name}/([^)]+)\)", page))
    for image, file in rendered.items():
        saved, expected = (PAGES / name / image).read_bytes(), file.read_bytes()
        if b"Plotly.newPlot" not in expected:
            assert saved == expected
            continue
        assert drawn_from(saved, expected.decode()), "run tools/run_notebooks.py --render-only"
        drawn = pixels(saved)
        assert drawn.shape[1::-1] == run_notebooks.FIGURE
        settings = Notebook(ROOT / f"notebooks/{name}.ipynb").content["metadata"]["py_djl_resnet"]["settings"]
        check_curves(drawn, (BLUE, ORANGE), settings["MAX_EPOCH"])


@needs_chromium
def test_drawing_names_its_figure():
    html = Notebook(ROOT / "notebooks/resnet.ipynb").data("MetricsFigure.of(", "text/html")
    changed = html.replace('y: ["', 'y: ["1', 1)
    assert plotly_curves(changed) != plotly_curves(html)
    png = run_notebooks.plotly(html)
    assert drawn_from(png, html)
    assert not drawn_from(png, changed)


@pytest.mark.parametrize("name", NAMES)
def test_docs_link_to_page_and_notebook(name):
    assert f"(notebooks/{name}.md)" in (ROOT / "docs/notebooks.md").read_text("utf-8")
    assert f"(../../notebooks/{name}.ipynb)" in (PAGES / f"{name}.md").read_text("utf-8")


@needs_chromium
@pytest.mark.parametrize(
    "html",
    [
        "<script>console.error('heard')</script>",
        "<script>undefinedName()</script>",
        '<script src="https://example.org/plotly.js"></script>',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        '<img src="https://example.org/a.png">',
        "<script>fetch('https://example.org/a').catch(() => 0)</script>",
    ],
)
def test_console_shows_errors_and_requests(html):
    assert chromium.opened("fine")[1] == []
    assert chromium.opened(html)[1]


def curves(dom):
    """Returns the points of each line that Plotly drew: [[(x, y), …], …]."""
    # the legend's samples are other paths
    paths = re.findall(r'<path class="js-line"[^>]* d="M([-\d.,L]+)"', dom)
    return [[tuple(map(float, point.split(","))) for point in re.split("[LM]", path)] for path in paths]


@needs_chromium
@pytest.mark.parametrize(
    ("name", "part", "training"),
    [("resnet", "MetricsFigure.of(", "TrainingRun run ="), ("mixed", "resnet.load(folder)", "Bars.train")],
)
def test_tablesaw_figure_is_drawn_offline(name, part, training):
    notebook = Notebook(ROOT / f"notebooks/{name}.ipynb")
    dom, console = chromium.opened(notebook.data(part, "text/html"))
    assert console == []
    values = epoch_rows(notebook.text(training))[:, [0, 2, 1, 3]].T  # (curves, epochs): losses, then accuracies
    found = [np.array(points) for points in curves(dom)]
    assert len(found) == 4
    at = np.linspace(found[0][0, 0], found[0][-1, 0], values.shape[1])
    for points in found:
        # from the first epoch to the last; Plotly omits points on the line between their neighbours
        assert points[[0, -1], 0] == pytest.approx(at[[0, -1]], abs=0.1)
        assert np.abs(points[:, :1] - at).min(axis=1).max() < 0.1
        assert len(points) > values.shape[1] / 2
    heights = np.array([np.interp(at, *points.T) for points in found])
    # in each panel, pixels are a linear function of the values
    for panel in (slice(0, 2), slice(2, 4)):
        slope, shift = np.polyfit(values[panel].ravel(), heights[panel].ravel(), 1)
        assert slope < -50
        assert np.allclose(heights[panel], slope * values[panel] + shift, atol=1)


@needs_chromium
def test_a_single_epoch_is_drawn_as_points(executed):
    dom, console = chromium.opened(executed("resnet").data("MetricsFigure.of(", "text/html"))
    assert console == []
    assert len(re.findall(r'<path class="point"', dom)) == 4
