"""The JVM's options: memory, threads, the engine's cache, GPU libraries."""

from pathlib import Path

import pytest

from py_djl_resnet._java import find, jars, jvm_options
from py_djl_resnet.errors import EngineError, JarError, UsageError

JAVA = find.Java(Path("java"), "17", Path("libjvm"))


@pytest.mark.parametrize(
    ("heap", "fits"), [("512m", True), ("2G", True), ("lots", False), ("0m", False), ("4096", False)]
)
def test_heap_is_a_size(monkeypatch, heap, fits):
    monkeypatch.setenv("PY_DJL_RESNET_HEAP", heap)
    if fits:
        assert f"-Xmx{heap}" in jvm_options.process_options(JAVA, "pytorch", None)
        return
    with pytest.raises(
        UsageError, match=f"Invalid heap size in PY_DJL_RESNET_HEAP. Received: '{heap}'. Allowed: such as 512m or 2g"
    ):
        jvm_options.process_options(JAVA, "pytorch", None)


@pytest.mark.parametrize("heap", ["1k", "16383k", "4194305k", "900000g", "9" * 30 + "m"])
def test_heap_out_of_range_is_rejected(monkeypatch, heap):
    monkeypatch.setattr("os.sysconf", lambda name: 2**16)  # pages of 64 KiB
    monkeypatch.setenv("PY_DJL_RESNET_HEAP", heap)
    with pytest.raises(UsageError, match=f"^PY_DJL_RESNET_HEAP is out of range. Received: '{heap}'. Allowed: 16m to 4"):
        jvm_options.process_options(JAVA, "pytorch", None)


@pytest.mark.parametrize(
    ("threads", "fits"), [("4,2", True), ("", True), ("0", False), ("abc", False), ("9999", False)]
)
def test_openmp_threads_are_a_number(monkeypatch, threads, fits):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    if fits:
        jvm_options.process_options(JAVA, "pytorch", None)
        return
    with pytest.raises(UsageError, match=f"^OMP_NUM_THREADS must be .* Received: '{threads}'. Allowed: 1 to 1024"):
        jvm_options.process_options(JAVA, "pytorch", None)


def test_threads_reach_java():
    assert "-Dai.djl.pytorch.num_threads=3" in jvm_options.process_options(JAVA, "pytorch", 3)


def test_engine_cache_is_below_the_first_folder_that_is_set(monkeypatch, tmp_path):
    def passed():
        (option,) = (o for o in jvm_options.process_options(JAVA, "mxnet", None) if o.startswith("-DDJL_CACHE_DIR="))
        return option.partition("=")[2]

    for name in ("DJL_CACHE_DIR", "ENGINE_CACHE_DIR", "PY_DJL_RESNET_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert passed() == str(tmp_path / "home/.djl.ai")
    monkeypatch.setenv("PY_DJL_RESNET_CACHE", str(tmp_path / "ours"))
    assert passed() == str(tmp_path / "ours/djl.ai")
    monkeypatch.setenv("DJL_CACHE_DIR", str(tmp_path / "djl"))
    assert passed() == str(tmp_path / "djl")
    monkeypatch.setenv("ENGINE_CACHE_DIR", str(tmp_path / "engine"))
    assert passed() == str(tmp_path / "engine")


def test_user_without_a_home_folder_needs_a_cache(monkeypatch, tmp_path):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(jars.Path, "home", no_home)
    for name in ("DJL_CACHE_DIR", "ENGINE_CACHE_DIR", "PY_DJL_RESNET_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for folder in (jars.cache_folder, jvm_options.engine_cache):
        with pytest.raises(JarError, match=r"no home folder.*Set HOME, or set PY_DJL_RESNET_CACHE"):
            folder()
    monkeypatch.setenv("PY_DJL_RESNET_CACHE", str(tmp_path))
    assert jars.cache_folder() == tmp_path
    assert {f"-Duser.home={tmp_path}", f"-DDJL_CACHE_DIR={tmp_path}/djl.ai"} <= set(
        jvm_options.process_options(JAVA, "mxnet", None)
    )


@pytest.mark.parametrize("device", ["gpu", "gpu:1"])
def test_gpu_without_its_libraries_is_rejected(monkeypatch, device):
    monkeypatch.setattr(jvm_options.importlib.metadata, "version", lambda _: "2.15.0")
    with pytest.raises(EngineError, match=rf"Device {device} needs .* torch 2\.7\.1\. Found: 2\.15\.0.*\[gpu\]"):
        jvm_options.gpu_libraries("pytorch", device)


def test_gpu_libraries_come_from_torch(monkeypatch, tmp_path):
    monkeypatch.setattr(jvm_options.importlib.metadata, "version", lambda _: "2.7.1+cu128")
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text("raise ImportError('must not be imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert jvm_options.gpu_libraries("pytorch", "gpu") == {
        "PYTORCH_LIBRARY_PATH": str(tmp_path / "torch/lib"),
        "PYTORCH_VERSION": "2.7.1",
        "PYTORCH_FLAVOR": "cu128",
    }
