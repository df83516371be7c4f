"""LiveFigure while a cell runs, and opening JupyterLab."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

manager = pytest.importorskip("jupyter_client.manager", reason="the extra [notebook] is not installed")

ROOT = Path(__file__).parent.parent


@pytest.fixture
def python():
    """The client of a running Python kernel."""
    with manager.run_kernel(kernel_name="python3", cwd=str(ROOT)) as client:
        yield client


def test_a_live_figure_grows_with_each_epoch(python, tmp_path):
    code = f"""
from py_djl_resnet import Recipe, train
from py_djl_resnet.notebook import LiveFigure
recipe = Recipe(model="plain20", epochs=3, limit=128, batch_size=16)
run = train(recipe=recipe, out={str(tmp_path / "run")!r}, progress=LiveFigure())
"""
    messages = []
    reply = python.execute_interactive(code, output_hook=messages.append, timeout=120)
    assert reply["content"]["status"] == "ok", messages
    kinds = ("display_data", "update_display_data")
    shown = [(message["msg_type"], message["content"]) for message in messages if message["msg_type"] in kinds]
    figures = [(kind, content) for kind, content in shown if "image/png" in content["data"]]
    # one figure, updated in place
    assert [kind for kind, _ in figures] == ["display_data", "update_display_data", "update_display_data"]
    assert len({content["transient"]["display_id"] for _, content in figures}) == 1
    assert len({content["data"]["image/png"] for _, content in figures}) == 3
    lines = [content["data"]["text/plain"] for _, content in shown if "image/png" not in content["data"]]
    assert lines[0] == "starting"
    ended = [line.partition(":")[0] for line in lines if ": train loss " in line]
    assert ended == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]


def test_the_command_opens_an_installed_jupyterlab(tmp_path):
    package = tmp_path / "jupyterlab"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import sys\nprint('opened', *sys.argv[1:])\nsys.exit(7)\n")
    script = (
        "import pathlib, sys\n"
        "from py_djl_resnet import cli\n"
        "from py_djl_resnet.notebook import kernel\n"
        "kernel.register = lambda *arguments, **options: pathlib.Path('somewhere')\n"
        "sys.exit(cli.main(['notebook']))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout) == (7, "opened\n"), ran.stderr
    assert "somewhere" in ran.stderr


def test_java_cells_do_not_import_matplotlib():
    script = (
        "import sys\n"
        "from py_djl_resnet.notebook import kernel, magic\n"
        "assert 'matplotlib' not in sys.modules and 'ipywidgets' not in sys.modules\n"
        "from py_djl_resnet.notebook import LiveFigure\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
