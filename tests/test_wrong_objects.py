"""What is told who gives a notebook's objects in a wrong way."""

import os
import subprocess
import sys

import numpy as np
import pytest

from py_djl_resnet import UsageError, create_model, predict, train
from py_djl_resnet.live import LiveFigure


def test_without_the_extra_it_says_how_to_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(UsageError, match=r"LiveFigure needs IPython\S*, which is not installed; run pip install"):
        LiveFigure()


def test_the_class_in_an_objects_place_is_told():
    with pytest.raises(UsageError, match=r"progress must be an object, as LiveFigure\(\); received the class itself"):
        train(progress=LiveFigure)


def test_a_network_in_a_names_place_is_told(jvm):
    with (
        create_model("plain20") as model,
        pytest.raises(UsageError, match=r"received Model\('plain20'.*resume\(folder\)"),
    ):
        train(model)


def test_pictures_in_memory_are_told_to_be_files(trained):
    with pytest.raises(UsageError, match="a picture must be a file or a folder; received a ndarray"):
        predict(trained.folder, np.zeros((1, 28, 28), np.float32))


def test_a_java_cut_to_size_is_told_twice_alike():
    script = (
        "from py_djl_resnet import EngineError, create_model\n"
        "for _ in range(2):\n"
        "    try:\n"
        "        create_model('plain20')\n"
        "    except EngineError as error:\n"
        "        print('with the module jdk.zipfs' in str(error))\n"
    )
    environment = {**os.environ, "JAVA_TOOL_OPTIONS": "--limit-modules=java.se,jdk.unsupported"}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert ran.stdout == "True\nTrue\n", ran.stderr
