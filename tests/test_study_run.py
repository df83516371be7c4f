"""Studies that are trained: resumed after interruptions, extended, in several processes."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from interruption import begins, finish, wait_until

from py_djl_resnet import Run, TrainingError, train
from py_djl_resnet._java import jvm
from py_djl_resnet.study import open_study

STUDY = {
    "title": "A small study",
    "networks": ["plain20", "cifar-resnet20"],
    "epochs": 3,
    "settings": {
        **{"dataset": "fashion-mnist", "image_size": 8, "limit": 96, "batch_size": 32},
        **{"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01, "checkpoint_every": "2", "debug_gradients": "2"},
    },
    "sections": [{"kind": "table", "at": [1, 2], "of": 2}, {"kind": "curves"}, {"kind": "gradients"}],
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A complete study, and the file that defines it."""
    from py_djl_resnet.cli import main

    base = tmp_path_factory.mktemp("study")
    (base / "mine.json").write_text(json.dumps(STUDY))
    assert main(["study", "run", str(base / "mine.json"), "--out", str(base / "whole"), "--quiet"]) == 0
    return base


def reports(folder):
    return {file.name: file.read_bytes() for file in (folder / "report").iterdir()}


def start(file, folder, *options):
    return subprocess.Popen(
        [sys.executable, "-m", "py_djl_resnet", "study", "run", file, "--out", folder, "--offline", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_interrupted_and_killed_study_resumes_to_the_same_report(tmp_path):
    # the second run is long enough for a signal to arrive before its end; one thread gives the same bytes for any jobs
    file, parts = tmp_path / "long.json", tmp_path / "parts"
    settings = STUDY["settings"] | {"threads": 1}
    file.write_text(json.dumps(STUDY | {"epochs": {"plain20": 3, "cifar-resnet20": 40}, "settings": settings}))
    finish(start(file, tmp_path / "whole"))
    first, second = (parts / "runs" / f"{network}-seed0" for network in STUDY["networks"])
    process = start(file, parts, "--jobs", "2")
    assert wait_until(lambda: begins(first) and begins(second), process)
    process.kill()
    finish(process, -signal.SIGKILL)
    process = start(file, parts)
    assert wait_until(lambda: begins(second) > 1, process)
    process.send_signal(signal.SIGINT)
    err = finish(process, 130)
    assert "The study was interrupted by SIGINT in run 2 of 2: cifar-resnet20, seed 0. Its state is saved. Rep" in err
    err = finish(start(file, parts))
    assert "1 of 2 runs are complete\n" in err
    assert "run 2 of 2: cifar-resnet20, seed 0\n" in err
    assert reports(parts) == reports(tmp_path / "whole")


def test_several_jobs_add_seeds(study, command, tmp_path):
    shutil.copytree(study / "whole", tmp_path / "more")
    code, out, err = command("study", "run", study / "mine.json", "--out", "more", "--seeds", 1, "--jobs", 2)
    assert code == 0, err
    assert out.endswith(f"report: {os.path.join('more', 'report', 'report.html')}\n")
    for number, network in enumerate(STUDY["networks"], 3):
        assert f"run {number} of 4: {network}, seed 1\n" in err
        assert f"{network}-seed1: epoch 3/3: train loss " in err
    runs = open_study(tmp_path / "more")
    assert runs.definition.seeds == (0, 1)
    accuracies = {of: run.history[-1]["test_accuracy"] for of, run in runs.by_run.items()}
    assert len(accuracies) == 4
    table = (tmp_path / "more" / "report" / "report.md").read_text()
    for network in STUDY["networks"]:
        mean = (accuracies[network, 0] + accuracies[network, 1]) / 2
        deviation = abs(accuracies[network, 0] - accuracies[network, 1]) / 2**0.5
        assert f"| {mean:.4f} ± {deviation:.4f} (3) | 2 runs |" in table
        assert Run.open(tmp_path / "more" / "runs" / f"{network}-seed1").recipe.threads == max(1, jvm.processors() // 2)


def test_study_with_other_settings_is_rejected(study, rejected):
    code, line = rejected("study", "run", study / "mine.json", "--out", study / "whole", "--epochs", 2)
    assert code == 2
    assert line == (
        f"The study in {study / 'whole'} has other settings: epochs of cifar-resnet20 2 (it is 3), epochs of plain20 2 "
        "(it is 3). Use the study's settings, or choose another folder with --out."
    )


def test_other_runs_are_trained_if_one_diverges(study, command, monkeypatch, tmp_path):
    def one_diverges(recipe, **options):
        if recipe.model != "plain20":
            return train(recipe=recipe, **options)
        error = TrainingError("The loss became NaN at step 1.")
        error.run = SimpleNamespace(model=SimpleNamespace(close=lambda: None))
        raise error

    monkeypatch.setattr("py_djl_resnet._study.running.train", one_diverges)
    code, out, err = command("study", "run", study / "mine.json", "--epochs", 1)
    assert (code, out) == (1, "")
    assert "error: 1 of 2 runs failed. run 1 of 2: plain20, seed 0: The loss became NaN at step 1." in err
    runs = open_study(tmp_path / "studies" / "mine")
    assert not runs.complete("plain20")
    assert [seed for seed, _ in runs.complete("cifar-resnet20")] == [0]
    advice = err.rstrip().split("Write the report of the others with: py-djl-resnet ")[1]
    assert command(*shlex.split(advice))[0] == 0
    assert "Not trained: plain20." in (runs.folder / "report" / "report.md").read_text()
