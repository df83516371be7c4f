"""Arrays and exceptions that cross between Python and Java."""

import jpype
import numpy as np
import pytest

from py_djl_resnet._java import exceptions
from py_djl_resnet.errors import EngineError, ResnetError, UsageError


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
def test_arrays_in_another_layout_are_copied(jvm, array):
    buffer = jvm.to_direct_buffer(array)
    native = array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(jvm.from_direct_buffer(buffer, array.shape, native), array)


def java(*links):
    """A Java exception for (class, message), caused by the next one."""
    (name, message), *causes = links
    thrown = jpype.JClass(name)(message)
    if causes:
        thrown.initCause(java(*causes))
    return thrown


ENGINE = ("ai.djl.engine.EngineException", "Failed to load PyTorch native library")
LINK = "java.lang.UnsatisfiedLinkError"


@pytest.mark.parametrize(
    ("links", "kind", "text"),
    [
        ([("java.lang.IllegalStateException", "why")], ResnetError, "^why$"),
        ([("java.lang.OutOfMemoryError", "why")], EngineError, "heap is full: why.*PY_DJL_RESNET_HEAP"),
        ([(LINK, "why")], EngineError, "cannot be loaded: why.*doctor"),
        ([("ai.djl.engine.EngineException", "why")], EngineError, "engine failed: why.*doctor"),
        # the cause that says most, wherever it is in the chain
        (
            [("java.lang.RuntimeException", "outer"), ("java.lang.OutOfMemoryError", "why")],
            EngineError,
            "heap is full: why",
        ),
        ([ENGINE, (LINK, "/a/b.so: /a/b.so: undefined symbol: f")], EngineError, r"loaded: /a/b\.so: undefined symbol"),
        ([ENGINE, (LINK, "/a/b.so: failed to map segment from shared object")], EngineError, "noexec.*DJL_CACHE_DIR"),
        (
            [ENGINE, ("java.lang.IllegalStateException", "x"), ("java.io.IOException", "No space left on device")],
            EngineError,
            "unpacked in .*: No space left on device.*DJL_CACHE_DIR",
        ),
        ([ENGINE, ("java.nio.file.AccessDeniedException", "/cache/pytorch")], EngineError, "unpacked in .*Make .*wri"),
        ([("ai.djl.engine.EngineException", "can't allocate memory")], EngineError, "out of memory.*smaller batches"),
        ([("java.lang.NoClassDefFoundError", "org/A")], EngineError, "Java class is missing or unusable: org/A.*pip"),
    ],
)
def test_java_exceptions_name_the_real_cause(jvm, links, kind, text):
    with pytest.raises(kind, match=text) as caught, jvm.translated_errors():
        raise java(*links)
    assert str(caught.value.__cause__.getClass().getName()) == links[0][0]
    assert ("memory" in str(caught.value)) == ("memory" in text)


def test_engine_that_failed_to_load_gives_the_same_cause_again(jvm, monkeypatch):
    monkeypatch.setattr(exceptions, "_load_failure", None)
    for links in ([ENGINE, (LINK, "why")], [("java.lang.NoClassDefFoundError", "Could not initialize class org.A")]):
        with pytest.raises(EngineError, match="native library cannot be loaded: why"), jvm.translated_errors():
            raise java(*links)


def test_wrong_input_found_in_java_gives_one_traceback(jvm):
    with pytest.raises(UsageError) as caught, jvm.translated_errors():
        jvm.bridge().create("plain21", 0, [], 0, "cpu")
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)
    assert "UserException" in str(caught.value.__context__.getClass())  # for --debug
