"""What crosses between Python and Java: arrays, and exceptions."""

import jpype
import numpy as np
import pytest

from py_djl_resnet.errors import EngineError, ResnetError


def test_arrays_cross_without_a_copy(jvm):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    buffer = jvm.to_direct_buffer(array)
    array[1, 2] = 42
    assert buffer.asFloatBuffer().get(5) == 42
    back = jvm.from_direct_buffer(buffer, (2, 3), np.float32)
    assert np.shares_memory(back, array)
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        np.arange(6, dtype=">f4").reshape(3, 2),
        np.arange(12, dtype=np.uint8)[::2],
        np.zeros((0, 3), dtype=np.float32),
    ],
)
def test_arrays_of_another_layout_are_copied(jvm, array):
    buffer = jvm.to_direct_buffer(array)
    native = array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(jvm.from_direct_buffer(buffer, array.shape, native), array)


def java(name, message, cause=None):
    import jpype

    return jpype.JClass(name)(message, cause) if cause else jpype.JClass(name)(message)


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("java.lang.IllegalStateException", ResnetError, "^why$"),
        ("java.lang.OutOfMemoryError", EngineError, "heap is full: why.*PY_DJL_RESNET_HEAP"),
        ("java.lang.UnsatisfiedLinkError", EngineError, "cannot be loaded: why.*doctor"),
        ("ai.djl.engine.EngineException", EngineError, "engine failed: why"),
    ],
)
def test_java_exceptions_become_ours(jvm, name, kind, text):
    with pytest.raises(kind, match=text) as caught, jvm.translated_errors():
        raise java(name, "why")
    assert str(caught.value.__cause__.getClass().getName()) == name


def test_the_cause_that_says_most_is_told(jvm):
    with pytest.raises(EngineError, match="heap is full: why"), jvm.translated_errors():
        raise java("java.lang.RuntimeException", "outer", java("java.lang.OutOfMemoryError", "why"))


def test_errors_of_python_pass_untranslated(jvm):
    with pytest.raises(KeyError), jvm.translated_errors():
        raise KeyError("x")


def test_an_error_that_cannot_be_read_for_want_of_heap_is_ours(jvm, monkeypatch):
    full = jpype.JClass("java.lang.OutOfMemoryError")("Java heap space")

    def unreadable(error):
        raise full

    monkeypatch.setattr(jvm, "_translated", unreadable)
    message = r"Java's heap is full: java\.lang\.OutOfMemoryError\. .*PY_DJL_RESNET_HEAP"
    with pytest.raises(EngineError, match=message), jvm.translated_errors():
        jpype.JClass("java.lang.Integer").parseInt("x")
