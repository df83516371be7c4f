import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from py_djl_resnet._java import jars
from py_djl_resnet.datasets import bundled_data

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def block(language):
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return text


def test_python_example_runs(tmp_path):
    ran = subprocess.run([sys.executable, "-c", block("python")], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "metrics.svg").is_file()
    assert "trainable parameters" in ran.stdout


@pytest.mark.skipif(shutil.which("javac") is None, reason="there is no JDK on the path")
def test_java_example_runs(tmp_path):
    (tmp_path / "Example.java").write_text(block("java"))
    (tmp_path / "data").symlink_to(bundled_data())
    path = ":".join(map(str, jars.class_path("pytorch", offline=False, quiet=True)))
    ran = subprocess.run(
        ["java", "-Dai.djl.default_engine=PyTorch", "-cp", path, "Example.java"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("(4, 6, 3, 3)\n")
    assert list(tmp_path.glob("runs/*/last.safetensors"))
