"""The findings of `doctor`."""

import json
import os
import subprocess
from types import SimpleNamespace

import pytest

from py_djl_resnet import doctor
from py_djl_resnet._java import jars
from py_djl_resnet._java.exceptions import SEE_DOCTOR
from py_djl_resnet._java.jvm_options import engine_cache
from py_djl_resnet.errors import JavaNotFoundError

NAMES = [
    "python",
    "java",
    "own jar",
    "library jars",
    "engine pytorch",
    "engine mxnet",
    "threads",
    "memory",
    "jar cache",
    "engine cache",
    "gpu",
    "extras",
    "java kernel",
]


class Child:
    """A finished process that loaded an engine."""

    def __init__(self, stdout="", stderr="", returncode=0):
        self.stdout, self.stderr, self.returncode = stdout, stderr, returncode


@pytest.fixture(scope="module")
def library_jars():
    """Makes sure that the jars of both engines are on this machine."""
    for engine in jars.ENGINES:
        jars.class_path(engine, quiet=True)


@pytest.fixture
def child(library_jars, monkeypatch):
    """The result of the processes that load an engine; a test may change it."""
    answer = {"engine_version": "2.7.1", "threads": 2, "devices": ["cpu"], "bfloat16": True}
    child = Child(f"described {json.dumps(answer)}\n")
    # only for doctor: the search for Java uses subprocess too
    replaced = vars(subprocess) | {"run": lambda *_, **__: child}
    monkeypatch.setattr(doctor, "subprocess", SimpleNamespace(**replaced))
    monkeypatch.setattr(doctor, "_gpu", lambda: iter([doctor.Finding("gpu", "ok", "none")]))
    return child


def by_name(findings):
    return {finding.name: finding for finding in findings}


def test_working_installation_has_no_failure(child):
    findings = doctor.examine()
    assert [finding.name for finding in findings] == NAMES
    assert {finding.verdict for finding in findings} <= {"ok", "warning"}
    assert by_name(findings)["engine pytorch"].detail == "2.7.1, 2 CPU cores, devices: cpu, fast bfloat16"


def test_one_failure_does_not_stop_the_other_checks(child, monkeypatch):
    def missing():
        raise JavaNotFoundError("Java was not found.")

    def surprise():
        raise RuntimeError("surprise")

    monkeypatch.setattr(doctor, "find_java", missing)
    monkeypatch.setattr(jars, "own_jar", surprise)
    findings = doctor.examine()
    assert [finding.name for finding in findings] == NAMES
    assert by_name(findings)["java"].verdict == "failure"
    assert by_name(findings)["java"].detail == "Java was not found."
    assert by_name(findings)["own jar"].detail == "the check failed: RuntimeError: surprise"


def test_broken_engine_is_a_failure_only_if_it_is_the_requested_one(child):
    child.stdout = f"failed {json.dumps('no such symbol.' + SEE_DOCTOR)}\n"
    findings = by_name(doctor.examine("pytorch"))
    assert (findings["engine pytorch"].verdict, findings["engine pytorch"].detail) == ("failure", "no such symbol.")
    assert findings["engine pytorch"].cure == f"Delete {engine_cache()}, and the next run unpacks the library again."
    assert findings["engine mxnet"].verdict == "warning"


def test_engine_that_crashes_is_reported(child):
    child.stdout, child.stderr, child.returncode = "", "terminate called\n", -6
    detail = by_name(doctor.examine())["engine pytorch"].detail
    assert detail == "the process ended with exit code -6. Last output: terminate called"


@pytest.mark.parametrize(("offline", "verdict"), [("", "warning"), ("1", "failure")])
def test_missing_jars_are_a_failure_only_offline(child, monkeypatch, tmp_path, offline, verdict):
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("PY_DJL_RESNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PY_DJL_RESNET_OFFLINE", offline)
    finding = by_name(doctor.examine())["library jars"]
    assert finding.verdict == verdict
    count = len(jars.required("pytorch"))
    assert f"{count} of {count} are not downloaded yet" in finding.detail
    assert not (tmp_path / "cache").exists()


def test_damaged_jar_is_named(child, monkeypatch, tmp_path):
    found = jars.find(jars.required("pytorch"))
    jar = jars.required("pytorch")[0]
    content = bytearray(found[jar].read_bytes())
    content[-1] ^= 1
    (tmp_path / jar.name).write_bytes(content)
    monkeypatch.setattr(jars, "find", lambda _: found | {jar: tmp_path / jar.name})
    finding = by_name(doctor.examine())["library jars"]
    assert finding.verdict == "failure"
    assert finding.detail == f"{tmp_path / jar.name} is damaged: its SHA-256 is wrong"
    assert finding.cure.startswith("Delete it")


def test_cache_that_cannot_be_written_is_reported(child, monkeypatch, tmp_path):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    monkeypatch.setenv("DJL_CACHE_DIR", str(tmp_path / "new/djl"))
    finding = by_name(doctor.examine())["engine cache"]
    assert finding.verdict == "failure"
    assert "cannot be written: Permission denied" in finding.detail
    assert "DJL_CACHE_DIR" in finding.cure


@pytest.mark.skipif(not hasattr(os, "ST_NOEXEC"), reason="the system has no such mount option")
def test_cache_that_cannot_be_executed_is_reported(child, monkeypatch, tmp_path):
    monkeypatch.setenv("DJL_CACHE_DIR", str(tmp_path))
    flags = SimpleNamespace(f_flag=os.ST_NOEXEC)
    monkeypatch.setattr(os, "statvfs", lambda _: flags)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=2e9))
    finding = by_name(doctor.examine())["engine cache"]
    assert finding.verdict == "failure"
    assert "mounted noexec" in finding.detail
    assert finding.cure == "Set DJL_CACHE_DIR to another folder."


def test_engine_reports_why_it_did_not_load(library_jars, monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    finding = by_name(doctor.examine("mxnet"))["engine mxnet"]
    assert finding.verdict == "failure"
    assert f"JAVA_HOME does not point to a suitable Java. Found: JAVA_HOME: {tmp_path}" in finding.detail
