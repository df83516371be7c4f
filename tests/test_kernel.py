"""The Java kernel: registering, checking, starting and ending it."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from py_djl_resnet import doctor
from py_djl_resnet.errors import JavaNotFoundError, UsageError
from py_djl_resnet.notebook import kernel

pytest.importorskip("nbclient", reason="the extra [notebook] is not installed")


@pytest.fixture
def registered(java_kernel):
    """A copy of the kernelspec's content to change."""
    return json.loads((java_kernel / "kernel.json").read_text(encoding="utf-8"))


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """Registers kernels in an empty folder."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    return tmp_path / "jupyter/kernels" / kernel.NAME


def start(spec, connection="absent.json", **changes):
    """Runs a kernelspec's command without Jupyter."""
    argv = [part.replace("{connection_file}", connection) for part in spec["argv"]]
    return subprocess.run(
        argv, env={**os.environ, **spec["env"], **changes}, capture_output=True, text=True, timeout=60
    )


def test_the_command_registers_class_path_and_engine(command, elsewhere):
    code, out, err = command("notebook", "--kernel-only", "--engine", "mxnet")
    assert (code, out) == (0, "")
    assert str(elsewhere) in err
    spec = json.loads((elsewhere / "kernel.json").read_text(encoding="utf-8"))
    assert "-Dai.djl.default_engine=MXNet" in spec["argv"]
    jars = [Path(entry) for entry in spec["argv"][spec["argv"].index("-cp") + 1].split(os.pathsep)]
    assert jars[0].name == "jjava.jar"
    assert all(jar.is_file() for jar in jars)
    assert any("mxnet-native" in jar.name for jar in jars)
    assert kernel.outdated(elsewhere) is None
    # registering the other engine replaces it
    command("notebook", "--kernel-only")
    assert "-Dai.djl.default_engine=PyTorch" in json.loads((elsewhere / "kernel.json").read_text())["argv"]


def test_command_explains_how_to_install_jupyterlab(command, elsewhere, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jupyterlab" else find(name))
    code, _, err = command("notebook")
    assert code == 0
    assert "pip install 'py-djl-resnet[lab]'" in err


def test_command_explains_how_to_install_the_extra(rejected, monkeypatch):
    monkeypatch.setattr(kernel, "missing_modules", lambda: ["jjava", "nbclient"])
    code, text = rejected("notebook", "--kernel-only")
    assert code == UsageError.exit_code
    assert text == (
        "Notebooks need packages that are not installed: jjava, nbclient. Run: pip install 'py-djl-resnet[notebook]'"
    )


def test_registering_rejects_a_runtime_without_a_compiler(elsewhere, monkeypatch, tmp_path):
    runtime = tmp_path / "jre"
    (runtime / "bin").mkdir(parents=True)
    monkeypatch.setattr(kernel, "find_java", lambda: kernel.Java(runtime, "21.0.1", runtime / "libjvm.so"))
    with pytest.raises(
        JavaNotFoundError, match=r"Java cells need a JDK.*Java 21\.0\.1 in .*jre, a runtime without a compiler"
    ):
        kernel.register()


@pytest.mark.parametrize(
    ("moved", "error"),
    [
        # docs/notebooks.md has the fix
        (1, "Error: Could not find or load main class org.djlresnet.notebook.Kernel\n"),
        (
            2,
            "py-djl-resnet: error: The kernelspec is outdated: /nowhere.jar no longer exists. "
            "Run: python -m py_djl_resnet notebook --kernel-only\n",
        ),
    ],
)
def test_outdated_kernel_names_what_is_missing(java_kernel, registered, moved, error):
    place = registered["argv"].index("-cp") + 1
    jars = registered["argv"][place].split(os.pathsep)
    jars[moved] = "/nowhere.jar"
    registered["argv"][place] = os.pathsep.join(jars)
    ran = start(registered)
    assert ran.returncode == 1
    assert ran.stderr.startswith(error)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda spec: spec["metadata"]["py_djl_resnet"].update(version="0.0.1"), r"has changed \(metadata\)"),
        (lambda spec: spec["argv"].insert(1, "-Xmx1g"), r"Java or the package has changed \(argv\)"),
        (lambda spec: spec.pop("metadata"), "its kernel.json cannot be read"),
    ],
)
def test_the_doctor_finds_an_outdated_kernelspec(java_kernel, registered, monkeypatch, tmp_path, change, reason):
    change(registered)
    (tmp_path / "kernel.json").write_text(json.dumps(registered))
    monkeypatch.setattr(kernel, "installed", lambda: tmp_path)
    (finding,) = doctor._java_kernel()
    assert finding.verdict == "warning"
    assert re.search(reason, finding.detail)
    assert finding.cure == "Run: python -m py_djl_resnet notebook --kernel-only"


def test_the_doctor_reports_a_good_a_missing_and_an_unavailable_kernel(java_kernel, monkeypatch):
    def no_jdk():
        raise JavaNotFoundError("Java cells need a JDK")

    monkeypatch.setattr(kernel, "installed", lambda: java_kernel)
    (finding,) = doctor._java_kernel()
    assert (finding.verdict, finding.cure) == ("ok", "")
    with monkeypatch.context() as patch:
        patch.setattr(kernel, "_find_jdk", no_jdk)
        (finding,) = doctor._java_kernel()
    assert (finding.verdict, finding.detail) == ("warning", "Java cells need a JDK")
    monkeypatch.setattr(kernel, "installed", lambda: None)
    (finding,) = doctor._java_kernel()
    assert (finding.verdict, finding.detail) == ("warning", "not registered yet")
    monkeypatch.setattr(kernel, "missing_modules", lambda: ["jjava"])
    (finding,) = doctor._java_kernel()
    assert (finding.verdict, finding.detail) == ("ok", "[notebook] not installed (jjava)")


SERVER = """
import sys, time
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name=sys.argv[1])
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=60)
print(manager.provisioner.pid, flush=True)
time.sleep(600)
"""


def is_running(process):
    """Returns whether a process runs and is not a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def has_ended(process):
    for _ in range(600):
        if not is_running(process):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_killing_a_server_leaves_no_process(java_kernel):
    server = subprocess.Popen([sys.executable, "-c", SERVER, kernel.NAME], stdout=subprocess.PIPE, text=True)
    try:
        process = int(server.stdout.readline())
        # no launcher: Jupyter's child is Java, and Java has no children
        assert Path(f"/proc/{process}/exe").resolve().name == "java"
        assert Path(f"/proc/{process}/status").read_text().partition("PPid:")[2].split()[0] == str(server.pid)
        children = [path.read_text().split() for path in Path(f"/proc/{process}/task").glob("*/children")]
        assert not any(children)
        server.kill()
        assert has_ended(process)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
