"""The figure of a training that grows, as far as it needs no notebook."""

import sys

import pytest

from py_djl_resnet import UsageError, train
from py_djl_resnet.live import LiveFigure


def test_without_the_extra_it_says_how_to_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(UsageError, match=r"LiveFigure needs IPython\S*, which is not installed; run pip install"):
        LiveFigure()


def test_the_class_in_an_objects_place_is_told():
    with pytest.raises(UsageError, match=r"progress must be an object, as LiveFigure\(\); received the class itself"):
        train(progress=LiveFigure)
