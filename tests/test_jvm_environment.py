"""What the JVM takes from its environment: threads, other libraries, the locale, and the engine's cache."""

import sys
import textwrap

import pytest
from processes import run

from py_djl_resnet._java import jars, jvm


@pytest.mark.parametrize(
    ("arguments", "environment", "threads"), [("", {}, None), ("", {"OMP_NUM_THREADS": "1"}, 1), ("threads=1", {}, 1)]
)
def test_mxnet_gets_its_threads_before_it_is_loaded(monkeypatch, arguments, environment, threads):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    script = f"""
    import ctypes
    from py_djl_resnet._java import jvm
    jvm.start("mxnet", {arguments})
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    print(int(getenv(b"OMP_NUM_THREADS")))
    """
    assert run(script, **environment) == (0, f"{threads or jvm.processors()}\n", "")


def test_other_torch_is_rejected_by_the_pytorch_engine_alone():
    script = """
    import sys, types
    sys.modules["torch"] = types.SimpleNamespace(__version__="2.15.0")
    import py_djl_resnet as resnet
    try:
        resnet.create_model("plain20")
    except resnet.EngineError as error:
        print(error)
    print(resnet.create_model("plain20", engine="mxnet").info["model"])
    """
    code, out, err = run(script)
    assert (code, err) == (0, "")
    assert out.startswith("torch 2.15.0 is imported in this process")
    assert out.endswith("plain20\n")


@pytest.mark.skipif(sys.platform != "linux", reason="the encoding of paths depends on the locale on Linux only")
@pytest.mark.parametrize("locale", ["C", "xx_XX.UTF-8"])
def test_paths_that_are_not_ascii_work_in_every_locale(tmp_path, locale):
    script = f"""
    import os
    import jpype
    import py_djl_resnet as resnet
    with resnet.create_model("plain20") as model:
        model.save({str(tmp_path / "für.safetensors")!r})
    resnet.load({str(tmp_path / "für.safetensors")!r}).close()
    print(os.environ["LC_ALL"], jpype.JClass("java.lang.System").getProperty("sun.jnu.encoding"))
    """
    link = tmp_path / "größe.jar"  # the class path as well
    link.symlink_to(jars.own_jar())
    script = "from pathlib import Path\nfrom py_djl_resnet._java import jars\n" + (
        f"jars.own_jar = lambda: Path({str(link)!r})\n" + textwrap.dedent(script)
    )
    assert run(script, LC_ALL=locale) == (0, f"{locale} UTF-8\n", "")
    assert (tmp_path / "für.safetensors").is_file()


def test_engine_libraries_that_cannot_be_unpacked_are_reported_each_time(tmp_path):
    script = """
    import py_djl_resnet as resnet
    for _ in range(2):
        try:
            resnet.create_model("plain20", engine="mxnet")
        except resnet.EngineError as error:
            print(error)
    """
    (tmp_path / "file").touch()
    code, out, err = run(script, DJL_CACHE_DIR=str(tmp_path / "file/cache"))
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first == second
    assert f"cannot be unpacked in {tmp_path}/file/cache: Not a directory. Make" in first
