"""What Java and the engine are given when they start: memory, threads, the libraries of a GPU."""

import os

import pytest

from py_djl_resnet._java import find, options
from py_djl_resnet.errors import EngineError, UsageError


def test_the_least_heap_and_all_of_the_memory_are_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**20}.get)  # 4 GiB
    for heap in ("16m", "16777216", "16384K", "4g", "4194304k"):
        monkeypatch.setenv("PY_DJL_RESNET_HEAP", heap)
        assert f"-Xmx{heap}" in options.options(find.Java(tmp_path, "17", tmp_path), "pytorch", None)
    monkeypatch.setenv("PY_DJL_RESNET_HEAP", "4194305k")
    with pytest.raises(UsageError, match=r"this machine's memory, 4096m\. Received: '4194305k'"):
        options.options(find.Java(tmp_path, "17", tmp_path), "pytorch", None)


@pytest.mark.parametrize(("threads", "fits"), [("1024", True), ("4,2", True), ("1025", False), ("1,100000", False)])
def test_threads_that_openmp_would_end_the_process_of_are_told(monkeypatch, tmp_path, threads, fits):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    java = find.Java(tmp_path, "17", tmp_path)
    if fits:
        assert options.options(java, "pytorch", None)
        return
    with pytest.raises(UsageError, match=f"OMP_NUM_THREADS must be .* 1 to 1024. Received: '{threads}'"):
        options.options(java, "pytorch", None)


@pytest.mark.parametrize("heap", ["lots", "0m", "2 g"])
def test_an_unusable_heap_is_told(monkeypatch, tmp_path, heap):
    monkeypatch.setenv("PY_DJL_RESNET_HEAP", heap)
    java = find.Java(tmp_path, "17", tmp_path)
    with pytest.raises(UsageError, match=f"PY_DJL_RESNET_HEAP must be a size such as .* Received: '{heap}'"):
        options.options(java, "pytorch", None)


def test_a_heap_and_threads_reach_java(monkeypatch, tmp_path):
    monkeypatch.setenv("PY_DJL_RESNET_HEAP", "2g")
    made = options.options(find.Java(tmp_path, "17", tmp_path), "pytorch", 3)
    assert {"-Xmx2g", "-Dai.djl.pytorch.num_threads=3"} <= set(made)


@pytest.mark.parametrize("device", ["gpu", "gpu:1"])
def test_a_gpu_without_its_libraries_is_told(monkeypatch, device):
    monkeypatch.setattr(options.importlib.metadata, "version", lambda _: "2.15.0")
    with pytest.raises(EngineError, match=rf"Device {device} needs .* torch 2\.7\.1\. Found: 2\.15\.0.*\[gpu\]"):
        options.gpu_libraries("pytorch", device)


def test_libraries_for_a_gpu_are_those_of_torch(monkeypatch, tmp_path):
    monkeypatch.setattr(options.importlib.metadata, "version", lambda _: "2.7.1+cu128")
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text("raise ImportError('must not be imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert options.gpu_libraries("pytorch", "gpu") == {
        "PYTORCH_LIBRARY_PATH": str(tmp_path / "torch/lib"),
        "PYTORCH_VERSION": "2.7.1",
        "PYTORCH_FLAVOR": "cu128",
    }
