"""What the doctor finds."""

import json
import subprocess
from types import SimpleNamespace

import pytest

from py_djl_resnet import doctor
from py_djl_resnet._java import jars
from py_djl_resnet.errors import JavaNotFoundError

NAMES = [
    "python",
    "java",
    "own jar",
    "library jars",
    "native library",
    "engine pytorch",
    "engine mxnet",
    "threads",
    "memory",
    "jar cache",
    "engine cache",
    "gpu",
    "data",
    "extras",
    "java kernel",
]


class Child:
    """What a process that loaded an engine left behind."""

    def __init__(self, stdout="", stderr="", returncode=0):
        self.stdout, self.stderr, self.returncode = stdout, stderr, returncode


@pytest.fixture(scope="module")
def library_jars():
    """The jars of both engines are on this machine."""
    for engine in jars.ENGINES:
        jars.class_path(engine, quiet=True)


@pytest.fixture
def child(library_jars, monkeypatch):
    """Answers for the processes that load an engine; a test may change it."""
    told = {"engine_version": "2.7.1", "threads": 2, "devices": ["cpu"]}
    child = Child(f"described {json.dumps(told)}\n")
    # the names in the module alone: looking for Java uses the same modules
    replaced = vars(subprocess) | {"run": lambda *_, **__: child}
    monkeypatch.setattr(doctor, "subprocess", SimpleNamespace(**replaced))
    monkeypatch.setattr(doctor, "_gpu", lambda: iter([doctor.Finding("gpu", "ok", "none")]))
    return child


def by_name(findings):
    return {finding.name: finding for finding in findings}


def test_a_machine_that_can_train_has_no_failure(child):
    findings = doctor.examine()
    assert [finding.name for finding in findings] == NAMES
    assert {finding.verdict for finding in findings} <= {"ok", "warning"}
    assert by_name(findings)["engine pytorch"].detail == "2.7.1, 2 processors, devices: cpu"


def test_a_failure_hides_nothing_else(child, monkeypatch):
    def missing():
        raise JavaNotFoundError("There is no Java.")

    def surprise():
        raise RuntimeError("surprise")

    monkeypatch.setattr(doctor, "find_java", missing)
    monkeypatch.setattr(jars, "own_jar", surprise)
    findings = doctor.examine()
    assert [finding.name for finding in findings] == NAMES
    assert by_name(findings)["java"].verdict == "failure"
    assert "Install Java" in by_name(findings)["java"].cure
    assert by_name(findings)["own jar"].detail == "cannot be examined: RuntimeError: surprise"


def test_an_engine_that_fails_matters_only_if_it_is_the_one_in_question(child):
    child.stdout = 'failed "no such symbol"\n'
    findings = by_name(doctor.examine("pytorch"))
    assert (findings["engine pytorch"].verdict, findings["engine pytorch"].detail) == ("failure", "no such symbol")
    assert findings["engine mxnet"].verdict == "warning"


def test_an_engine_that_ends_its_process_is_told(child):
    child.stdout, child.stderr, child.returncode = "", "terminate called\n", -6
    assert by_name(doctor.examine())["engine pytorch"].detail == "ended the process with -6; it said: terminate called"


@pytest.mark.parametrize(("offline", "verdict"), [("", "warning"), ("1", "failure")])
def test_missing_jars_are_a_failure_only_offline(child, monkeypatch, tmp_path, offline, verdict):
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("PY_DJL_RESNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PY_DJL_RESNET_OFFLINE", offline)
    finding = by_name(doctor.examine())["library jars"]
    assert finding.verdict == verdict
    count = len(jars.required("pytorch"))
    assert f"{count} of {count} are not there yet" in finding.detail
    assert not (tmp_path / "cache").exists()


def test_missing_data_are_told(child, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "bundled_data", lambda: tmp_path)
    finding = by_name(doctor.examine())["data"]
    assert finding.verdict == "failure"
    assert "train-images-idx3-ubyte.gz" in finding.detail


def test_a_cache_that_cannot_be_written_is_told(child, monkeypatch, tmp_path):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    monkeypatch.setenv("DJL_CACHE_DIR", str(tmp_path / "new/djl"))
    finding = by_name(doctor.examine())["engine cache"]
    assert finding.verdict == "failure"
    assert "cannot be written: Permission denied" in finding.detail
    assert "DJL_CACHE_DIR" in finding.cure


def test_an_engine_in_a_fresh_process_tells_what_stands_in_its_way(library_jars, monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    finding = by_name(doctor.examine("mxnet"))["engine mxnet"]
    assert finding.verdict == "failure"
    assert f"JAVA_HOME names no Java that fits. Found: JAVA_HOME: {tmp_path}" in finding.detail


def test_optional_extras_are_told(child, monkeypatch):
    versions = {"onnx": "1.2.3"}

    def version(package):
        if package not in versions:
            raise doctor.importlib.metadata.PackageNotFoundError(package)
        return versions[package]

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    finding = by_name(doctor.examine())["extras"]
    assert (finding.verdict, finding.detail) == ("ok", "[torch] not installed, [onnx] onnx 1.2.3")
