"""Tests of what is shipped: versions, the lock of jars, licences, the wheel."""

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest

import py_djl_resnet
from py_djl_resnet._java import jars
from py_djl_resnet.datasets import bundled_data

ROOT = Path(__file__).parent.parent
#: Matches addresses of package registries.
REGISTRY = re.compile(r"https?://(?:(?:repo\d?|registry|files|plugins|pypi)\.[\w.-]+|[\w.-]+/(?:maven2|simple)\b)")


def pom(path):
    """Return the text of an element of pom.xml."""
    return ElementTree.parse(ROOT / "pom.xml").findtext("/".join(f"{{*}}{part}" for part in path.split("/")))


def committed_files():
    """Return the files that git tracks; skip outside a checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_package_imports_each_name_on_demand():
    asked = (
        "import py_djl_resnet as p; print(len([getattr(p, name) for name in p.__all__]), set(p.__all__) <= set(dir(p)))"
    )
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == (f"{len(py_djl_resnet.__all__)} True\n", "")
    for name in ("Recipe", "train", "Interrupted"):
        assert getattr(py_djl_resnet, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'py_djl_resnet' has no attribute 'trian'"):
        py_djl_resnet.trian  # noqa: B018


def test_pip_and_maven_agree_on_the_version():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^version = "([^"]+)"', project, re.M)[1] == pom("version")


@pytest.mark.parametrize("element", ["dependencies", "profiles/profile/dependencies"])
def test_lock_matches_pom(element):
    """If this fails, run tools/lock_jars.py."""
    properties = {
        item.tag.rpartition("}")[2]: item.text for item in ElementTree.parse(ROOT / "pom.xml").find("{*}properties")
    }
    locked = {(jar.group, jar.artifact, jar.version) for jar in jars.lock()}
    dependencies = ElementTree.parse(ROOT / "pom.xml").findall(
        "/".join(f"{{*}}{part}" for part in [*element.split("/"), "dependency"])
    )
    shipped = [item for item in dependencies if item.findtext("{*}scope") != "test"]
    assert shipped
    for item in shipped:
        version = re.sub(r"\$\{([^}]+)\}", lambda name: properties[name[1]], item.findtext("{*}version"))
        assert (item.findtext("{*}groupId"), item.findtext("{*}artifactId"), version) in locked


def test_lock_has_all_published_natives():
    natives = {(jar.engine, jar.platform, jar.version) for jar in jars.lock() if jar.engine}
    torch = {("pytorch", name, "2.7.1") for name in ("linux-x86_64", "linux-aarch64", "osx-aarch64", "win-x86_64")}
    assert natives == torch | {("mxnet", name, "1.9.1") for name in ("linux-x86_64", "osx-x86_64", "win-x86_64")}


def test_lock_is_complete():
    locked = jars.lock()
    assert len({jar.path for jar in locked}) == len(locked)
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) and jar.size > 0 for jar in locked)


def test_jar_records_its_repository(monkeypatch):
    monkeypatch.delenv("PY_DJL_RESNET_REPOSITORY", raising=False)
    assert re.fullmatch(r"https://[a-z0-9.-]+/\S*[^/]", jars.repository())
    monkeypatch.setenv("PY_DJL_RESNET_REPOSITORY", "https://mirror.invalid/maven/")
    assert jars.repository() == "https://mirror.invalid/maven"


def test_no_tracked_file_names_a_registry():
    named = {
        f"{file.relative_to(ROOT)}: {address}"
        for file in committed_files()
        if file.suffix not in (".gz", ".png")
        for address in REGISTRY.findall(file.read_text(encoding="utf-8", errors="replace"))
    }
    assert named == set()


def test_licences_are_present():
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Zalando SE" in (bundled_data() / "fashion-mnist/LICENSE").read_text(encoding="utf-8")


def test_jar_names_its_module_and_contains_its_licence():
    with zipfile.ZipFile(jars.own_jar()) as jar:
        assert "Automatic-Module-Name: org.djlresnet\r\n" in jar.read("META-INF/MANIFEST.MF").decode()
        assert jar.read("META-INF/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert pom("licenses/license/name") == "Apache-2.0"


def test_maven_wrapper_verifies_its_download():
    lines = (ROOT / ".mvn/wrapper/maven-wrapper.properties").read_text(encoding="utf-8").splitlines()
    properties = dict(line.split("=", 1) for line in lines if "=" in line)
    assert properties["distributionType"] == "only-script"
    assert re.fullmatch("[0-9a-f]{64}", properties["distributionSha256Sum"])
    assert properties["distributionUrl"].startswith(r"https\://maven-repository.invalid/org/apache/maven/")


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("mvn") and shutil.which("javac")), reason="Maven or a JDK is missing")
def test_wheel_contains_everything_training_needs(tmp_path):
    # in a copy, because Maven overwrites the jar that this process's JVM has open
    for file in committed_files():
        copy = tmp_path / "checkout" / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    made = subprocess.run([*pip, str(tmp_path), str(tmp_path / "checkout")], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    # installing must not run the tests
    assert not (tmp_path / "checkout/target/surefire-reports").exists()
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert wheel.stat().st_size < 50e6
    names = zipfile.ZipFile(wheel).namelist()
    inside = [name.removeprefix("py_djl_resnet/") for name in names if name.startswith("py_djl_resnet/")]
    assert [name for name in inside if name.endswith(".jar")] == [f"jars/py-djl-resnet-{pom('version')}.jar"]
    assert sum(name.startswith("data/fashion-mnist/") and name.endswith(".gz") for name in inside) == 4
    assert {
        "_java/jars.lock.json",
        "py.typed",
        "settings.json",
        "recipes/d2l-fashion-mnist.json",
        "cli/train.py",
    } <= set(inside)
    assert {name.partition("/")[0] for name in names} == {
        "py_djl_resnet",
        f"py_djl_resnet-{pom('version')}.dist-info",
    }
