"""What several tests share."""

import pytest


@pytest.fixture(scope="session")
def jvm():
    """The module `_jvm` with the JVM running on the PyTorch engine; a test of another engine needs its own process."""
    from py_djl_resnet import _jvm

    _jvm.start("pytorch", quiet=True)
    return _jvm
