"""The order in which a run's files reach the disk, by its system calls: after a power failure they must be intact."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
CALLS = ("write", "writev", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "linkat", "link")


def can_trace():
    return shutil.which("strace") and subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"]).returncode == 0


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """The names and paths of the system calls on the folder of a run of two epochs."""
    if not can_trace():
        pytest.skip("strace is missing, or may not trace")
    folder = tmp_path_factory.mktemp("durable")
    run, log = folder / "run", folder / "calls"
    settings = ("--epochs", "2", "--limit", "64", "--batch-size", "32", "--image-size", "8", "--threads", "1")
    subprocess.run(
        [
            *("strace", "-f", "-y", "-qq", "-s", "0", "-e", "trace=" + ",".join(CALLS), "-o", log),
            *(sys.executable, "-m", "py_djl_resnet", "train", "--offline", "--quiet", "--out", run),
            *(*settings, "--checkpoint-every", "1", "--keep", "1"),
        ],
        check=True,
        capture_output=True,
    )
    found = []
    begun = {}  # calls that another thread's calls split into two lines
    for line in log.read_text().splitlines():
        pid = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[pid] = line.removesuffix("<unfinished ...>")
            continue
        if "resumed>" in line:
            line = begun.pop(pid) + line.split("resumed>", 1)[1]
        call = CALL.match(line)
        if call and int(call[3]) >= 0:
            paths = [Path(one or other) for one, other in re.findall(r'<([^>]+)>|"([^"]*)"', call[2])]
            paths = [path for path in paths if path in (folder, run) or path.is_relative_to(run)]
            # figures and the report can be drawn again
            drawn = any(run / "figures" in path.parents or "report.html" in path.name for path in paths)
            if paths and not drawn:
                found.append((call[1], paths))
    assert begun == {}
    return run, found


def renames(calls):
    return [(at, *paths) for at, (name, paths) in enumerate(calls) if name.startswith("rename")]


def test_file_is_flushed_before_it_is_renamed(calls):
    _, made = calls
    written = set()
    for at, half, file in renames(made):
        written.add(file.name)
        last = [name for name, paths in made[:at] if paths == [half]]
        if last:  # else it is a hard link to a written file
            assert last[-1] in ("fsync", "fdatasync"), file
            assert set(last[:-1]) & {"write", "writev", "pwrite64"}
        else:
            assert any(name in ("link", "linkat") and paths[-1] == half for name, paths in made[:at])
    assert written == {
        *("recipe.json", "metrics.csv", "last.safetensors", "last.previous.safetensors", "best.safetensors"),
        *("epoch-0001.safetensors", "epoch-0002.safetensors", "predictions.csv"),
    }


def test_rename_is_flushed_before_the_next_write(calls):
    run, made = calls
    followed = [made[at + 1 : at + 2] for at, _, _ in renames(made)]
    # two epochs of two steps: a checkpoint per step and epoch, the previous and kept ones, recipe and table
    assert len(followed) >= 2 * 3 + 2 * 3 - 1 + 2 + 2
    assert followed == [[("fsync", [run])]] * len(followed)


def test_run_folder_is_flushed_before_its_files(calls):
    run, made = calls
    first = next(at for at, name, file in renames(made))
    assert ("fsync", [run.parent]) in made[:first]
