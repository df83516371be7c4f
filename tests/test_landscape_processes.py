"""Processes that measure the same folder, are killed, stopped, or have no space left."""

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys

import pytest
from examples import separable
from interruption import finish, wait_until

from py_djl_resnet import create_model, loss_surface

GRID = 80
SCRIPT = """
import sys, numpy as np
from py_djl_resnet import load, loss_surface
from py_djl_resnet.errors import ResnetError
images, labels = np.load(sys.argv[1]), np.load(sys.argv[2])
try:
    with load(sys.argv[3]) as model:
        loss_surface(model, (images, labels), out=sys.argv[4], dimensions=1, grid=int(sys.argv[5]), progress=False)
except ResnetError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""

HESSIAN = SCRIPT.replace("loss_surface", "loss_hessian").replace(
    "dimensions=1, grid=int(sys.argv[5])", "iterations=3, samples=2"
)


@pytest.fixture(scope="module")
def inputs(jvm, tmp_path_factory):
    """The arguments of SCRIPT before the folder: images, labels and a checkpoint."""
    import numpy as np

    folder = tmp_path_factory.mktemp("inputs")
    images, labels = separable(16, 0)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    with create_model("cifar-resnet20", 1, 2) as model:
        model.save(folder / "model.safetensors")
        whole = loss_surface(model, (images, labels), out=folder / "whole", dimensions=1, grid=GRID, progress=False)
    return [folder / "images.npy", folder / "labels.npy", folder / "model.safetensors"], whole.folder


def measure(arguments, out, grid=GRID, script=SCRIPT, **options):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, [*arguments, out, grid])],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def rows(folder):
    table = folder / "points.csv"
    return table.read_text().count("\n") - 1 if table.exists() else 0


def test_point_that_another_process_measures_is_left_to_it(inputs, tmp_path):
    with (tmp_path / "points.lock").open("w") as claims:
        # byte 0 is the lock of the table, the points follow
        fcntl.lockf(claims, fcntl.LOCK_EX, 1, 1 + 4)
        waiting = measure(inputs[0], tmp_path, 6)
        assert wait_until(lambda: rows(tmp_path) == 5, waiting)
        points = [line.split(",")[1] for line in (tmp_path / "points.csv").read_text().splitlines()[1:]]
        assert points == ["0", "1", "2", "3", "5"]
    finish(waiting)
    assert rows(tmp_path) == 6


def test_stopped_killed_and_parallel_processes_write_the_same_bytes(inputs, tmp_path):
    arguments, whole = inputs
    stopped = measure(arguments, tmp_path)
    assert wait_until(lambda: rows(tmp_path) >= 3, stopped)
    stopped.send_signal(signal.SIGINT)
    message = finish(stopped, 130)
    assert f"interrupted by SIGINT. {rows(tmp_path)} of {GRID} points are saved in {tmp_path}" in message
    assert "Repeat the same command to resume." in message
    killed, other = measure(arguments, tmp_path), measure(arguments, tmp_path)
    before = rows(tmp_path)
    assert wait_until(lambda: rows(tmp_path) >= before + 5, killed)
    killed.kill()
    finish(killed, -signal.SIGKILL)
    # the other takes over the point that was being measured
    finish(other)
    assert (tmp_path / "points.csv").read_bytes() == (whole / "points.csv").read_bytes()
    infos = [json.loads((folder / "landscape.json").read_text()) for folder in (tmp_path, whole)]
    for info in infos:
        info["checkpoint"]["path"] = None
    assert infos[0] == infos[1]


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit of the size of files")
def test_full_disk_loses_no_point(inputs, tmp_path):
    arguments, whole = inputs
    grid, limit = 4000, 1 << 17
    info = json.loads((whole / "landscape.json").read_text()) | {"grid": [grid]}
    (tmp_path / "landscape.json").write_text(json.dumps(info))
    header = (whole / "points.csv").read_text().splitlines(keepends=True)[0]
    points = [f"0,{i},,{i / 7:.17f},,{i / 3:.17f},0.5,0.1,0.1\n" for i in range(grid)]
    text = header
    while len(text) + len(points[0]) < limit - 100:
        text += points.pop(0)
    table = tmp_path / "points.csv"
    table.write_text(text)
    saved = grid - len(points)
    out = measure(
        arguments, tmp_path, grid, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    message = finish(out, 1)
    kept = table.read_text()
    assert kept.startswith(text)
    assert kept.endswith("\n")
    assert saved <= rows(tmp_path) < saved + 5
    assert message.count("\n") == 1
    assert f"{tmp_path} cannot be written: " in message
    assert f" {rows(tmp_path)} of {grid} points are saved." in message


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit of the size of files")
def test_full_disk_loses_no_product_of_a_hessian(inputs, tmp_path):
    # less than a product of 270,000 float32 values
    limit = 1 << 17
    full = measure(
        inputs[0],
        tmp_path / "full",
        script=HESSIAN,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    message = finish(full, 1)
    assert message.count("\n") == 1
    assert "cannot be written: " in message
    assert "0 products are saved. Repeat the command to resume." in message
    for folder in ("full", "whole"):
        finish(measure(inputs[0], tmp_path / folder, script=HESSIAN))
    for name in ("hessian.json", "trace.csv"):
        assert (tmp_path / "full" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
