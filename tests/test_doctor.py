"""What the doctor finds."""

import json

import pytest

from py_djl_resnet import _jars, doctor
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
]


class Child:
    """What a process that loaded an engine left behind."""

    def __init__(self, stdout="", stderr="", returncode=0):
        self.stdout, self.stderr, self.returncode = stdout, stderr, returncode


@pytest.fixture
def child(monkeypatch):
    """Answers for the processes that load an engine; a test may change it."""
    told = {"engine_version": "2.7.1", "threads": 2, "devices": ["cpu"]}
    child = Child(f"described {json.dumps(told)}\n")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *_, **__: child)
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    return child


def by_name(findings):
    return {finding.name: finding for finding in findings}


def test_a_machine_that_can_train_has_no_failure(child):
    findings = doctor.examine()
    assert [finding.name for finding in findings] == NAMES
    assert {finding.verdict for finding in findings} <= {"ok", "warning"}
    assert by_name(findings)["engine pytorch"].detail == "2.7.1, 2 threads, devices: cpu"


def test_a_failure_hides_nothing_else(child, monkeypatch):
    def missing():
        raise JavaNotFoundError("There is no Java.")

    def surprise():
        raise RuntimeError("surprise")

    monkeypatch.setattr(doctor, "find_java", missing)
    monkeypatch.setattr(_jars, "own_jar", surprise)
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
    assert "32 of 32 are not there yet" in finding.detail
    assert not (tmp_path / "cache").exists()


def test_missing_data_are_told(child, monkeypatch, tmp_path):
    monkeypatch.setattr(_jars, "data_folder", lambda: tmp_path)
    finding = by_name(doctor.examine())["data"]
    assert finding.verdict == "warning"
    assert "train-images-idx3-ubyte.gz" in finding.detail
