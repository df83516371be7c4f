"""Cells in running kernels, as a browser sends them: interrupted, and with outputs that change while they run."""

import os
import queue
import subprocess
import sys
import time
from pathlib import Path

import pytest

from py_djl_resnet import kernel

manager = pytest.importorskip("jupyter_client.manager", reason="the extra [notebook] is not installed")

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


class Session:
    """A kernel and what it sends."""

    def __init__(self, name):
        self.manager = manager.KernelManager(kernel_name=name)
        self.manager.start_kernel(cwd=str(ROOT))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, code, interrupt_at=None):
        """The messages of a cell as (type, content), until the kernel is idle again; its reply's status at last."""
        request = self.client.execute(code)
        messages = []
        deadline = time.monotonic() + 120
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=deadline - time.monotonic())
            except queue.Empty:
                raise AssertionError(f"the kernel is not idle again, after {messages}") from None
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            messages.append((kind, content))
            if interrupt_at and interrupt_at in printed(messages):
                interrupt_at = None
                self.manager.interrupt_kernel()
        # answers to the questions of the start may come first
        while (reply := self.client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != request:
            assert reply["msg_type"] == "kernel_info_reply"
        return messages, reply["content"]["status"]


def printed(messages):
    return "".join(content["text"] for kind, content in messages if kind == "stream")


def value(messages):
    (found,) = (content["data"]["text/plain"] for kind, content in messages if kind == "execute_result")
    return found


@pytest.fixture(scope="module")
def java(java_kernel):
    session = Session(kernel.NAME)
    yield session
    session.close()


@pytest.fixture(scope="module")
def python(java_kernel):
    session = Session("python3")
    _, status = session.run("%load_ext py_djl_resnet.notebook")
    assert status == "ok"
    yield session
    session.close()


# one statement, for between two of them nothing runs that could be interrupted
BUSY = 'for (long turns = 0; ; turns++) if (turns == 0) System.out.println("begun");'
ASLEEP = 'for (;;) { System.out.println("begun"); Thread.sleep(1_000_000); }'


@pytest.mark.parametrize("code", [BUSY, ASLEEP])
def test_a_cell_of_the_java_kernel_is_interrupted_and_earlier_variables_stay(java, code):
    java.run("int before = 41;")
    messages, status = java.run(code, interrupt_at="begun")
    assert status == "error"
    assert any(kind == "error" for kind, _ in messages)
    messages, status = java.run("before + 1")
    assert (value(messages), status) == ("42", "ok")


@pytest.mark.parametrize("code", [BUSY, ASLEEP])
def test_a_java_cell_of_a_python_notebook_is_interrupted_and_both_sides_stay(python, code):
    python.run("there = 20")
    python.run("%%java -i there\nint doubled = 2 * there;")
    messages, status = python.run(f"%%java\n{code}", interrupt_at="begun")
    assert status == "error"
    assert [content["ename"] for kind, content in messages if kind == "error"] == ["KeyboardInterrupt"]
    messages, status = python.run("%%java -o doubled\ndoubled + 2")
    assert (value(messages), status) == ("42", "ok")
    assert value(python.run("doubled + there")[0]) == "60"


def test_a_live_figure_grows_with_each_epoch(python, tmp_path):
    code = f"""
from py_djl_resnet import Recipe, train
from py_djl_resnet.live import LiveFigure
recipe = Recipe(model="plain20", epochs=3, limit=128, batch_size=16)
run = train(recipe=recipe, out={str(tmp_path / "run")!r}, progress=LiveFigure())
"""
    messages, status = python.run(code)
    assert status == "ok", messages
    shown = [(kind, content) for kind, content in messages if kind in ("display_data", "update_display_data")]
    figures = [(kind, content) for kind, content in shown if "image/png" in content["data"]]
    # one place, drawn anew
    assert [kind for kind, _ in figures] == ["display_data", "update_display_data", "update_display_data"]
    assert len({content["transient"]["display_id"] for _, content in figures}) == 1
    assert len({content["data"]["image/png"] for _, content in figures}) == 3
    lines = [content["data"]["text/plain"] for _, content in shown if "image/png" not in content["data"]]
    assert lines[0] == "starting"
    told = [line.partition(":")[0] for line in lines if ": train loss " in line]
    assert told == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]


def test_jupyterlab_is_opened_where_it_is_installed(tmp_path):
    package = tmp_path / "jupyterlab"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import sys\nprint('opened', *sys.argv[1:])\nsys.exit(7)\n")
    script = (
        "import pathlib, sys\n"
        "from py_djl_resnet import cli, kernel\n"
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
