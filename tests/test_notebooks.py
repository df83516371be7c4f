"""The six notebooks: executed with small settings, and saved with their outputs."""

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
from notebook_outputs import BLUE, ORANGE, Notebook, check_curves, check_tiles, pixels
from PIL import Image
from test_cifar10 import BATCHES, RECORD, RECORDS

from py_djl_resnet import Recipe, Run, train
from py_djl_resnet._java.jars import cache_folder
from py_djl_resnet._java.jvm_options import engine_cache

# imported before a test changes the folder in which Jupyter looks for its files
run_notebooks = pytest.importorskip("run_notebooks", reason="the extra [notebook] is not installed")

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs/notebooks"
NAMES = ("resnet", "resnet_python", "mixed", "gradient_flow", "residual_study", "vae")
SETTINGS = {"MAX_EPOCH": "1", "DATASET_LIMIT": "256", "OUT": "", "OMP_NUM_THREADS": "1"}
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


def test_script_of_depths_resumes_a_run(jvm, monkeypatch, tmp_path):
    # the cache, with other images as CIFAR-10, the first ones of one class
    data = tmp_path / "cache/data/cifar-10-batches-bin"
    data.mkdir(parents=True)
    for name in [*BATCHES, "test_batch.bin"]:
        with (data / name).open("wb") as batch:
            images = np.random.default_rng(0).integers(0, 256, (128, RECORD), np.uint8)
            images[:, 0] = np.arange(128) >= 64
            batch.write(images.tobytes())
            batch.truncate(RECORDS * RECORD)
    if cache_folder().exists():
        for item in cache_folder().iterdir():
            if item.name != "data":
                (tmp_path / "cache" / item.name).symlink_to(item)
    environment = {**SETTINGS, "MAX_EPOCH": "2", "DATASET_LIMIT": "10", "LATENT_DIM": "4"}
    environment |= {"ENGINE_CACHE_DIR": str(engine_cache()), "PY_DJL_RESNET_CACHE": str(tmp_path / "cache")}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    folder = tmp_path / "out/vae-depth0"
    recipe = Recipe.from_file("keng2017").replace(epochs=1, limit=10, latent_dim=4)
    train(recipe=recipe, out=folder, progress=False).model.close()
    command = [str(ROOT / "notebooks/vae_depths.sh"), "out", "0"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    run = Run.open(folder)
    assert run.recipe == recipe.replace(
        epochs=2, **{name: getattr(run.recipe, name) for name in ("threads", "validation")}
    )
    assert [row["epoch"] for row in run.history] == [1, 2]
    notebook = Notebook(tmp_path / "out/vae-depth0.ipynb")
    assert notebook.text("untrained = resnet.create_model").startswith(
        "Model('vae-resnet:0', image=(3, 32, 32), latent"
    )
    assert [line.split(":")[0] for line in notebook.text("run = resnet.train(").splitlines()] == [
        "epoch 2/2",
        "best epoch",
    ]
    text = notebook.text("resnet.evaluate_autoencoder")
    assert text.startswith("vae-resnet:0, likelihood bernoulli, 10 test images")
    assert re.search(r"^active units +\d of 4$", text, re.M)
    check_tiles(notebook.image("autoencoder.plot_traversal("), 4, 11)
    # a depth that has a notebook is skipped
    before = (tmp_path / "out/vae-depth0.ipynb").stat().st_mtime_ns
    assert subprocess.run(command, cwd=tmp_path, timeout=60).returncode == 0
    assert (tmp_path / "out/vae-depth0.ipynb").stat().st_mtime_ns == before


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
    png = run_notebooks.plotly(html)
    assert drawn_from(png, html)
    assert not drawn_from(png, changed)


@pytest.mark.parametrize("name", NAMES)
def test_docs_link_to_page_and_notebook(name):
    assert f"(notebooks/{name}.md)" in (ROOT / "docs/notebooks.md").read_text("utf-8")
    assert f"(../../notebooks/{name}.ipynb)" in (PAGES / f"{name}.md").read_text("utf-8")


@needs_chromium
def test_console_shows_errors_and_requests():
    assert chromium.opened("fine")[1] == []
    assert chromium.opened("<script>undefinedName()</script>")[1]
    assert chromium.opened('<script src="https://example.org/plotly.js"></script>')[1]


@needs_chromium
@pytest.mark.parametrize(("name", "part"), [("resnet", "MetricsFigure.of("), ("mixed", "resnet.load(folder)")])
def test_tablesaw_figure_is_drawn_offline(name, part):
    dom, console = chromium.opened(Notebook(ROOT / f"notebooks/{name}.ipynb").data(part, "text/html"))
    assert console == []
    # the legend's samples are other paths
    assert len(re.findall(r'<path class="js-line"[^>]* d="M[-\d.,L]+"', dom)) == 4
