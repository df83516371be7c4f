"""Resuming runs from Python and on the command line."""

import json
import shutil

import numpy as np
import pytest
from examples import separable, without_times

from py_djl_resnet import Recipe, Run, UsageError, _following, resume, train

SMALL = Recipe(epochs=3, batch_size=32, lr=0.02, momentum=0.9)
OPTIONS = ("--epochs", "2", "--limit", "64", "--batch-size", "32", "--quiet")


class EnoughError(Exception):
    """Ends a run from its callback."""


def enough(row):
    raise EnoughError


def begun(arrays, out, recipe=SMALL):
    """Returns the folder of a run on arrays that was stopped soon after its first epoch."""
    with pytest.MonkeyPatch.context() as patch:
        # a fast machine would finish the run between two polls
        patch.setattr(_following, "POLL_MILLISECONDS", 1)
        with pytest.raises(EnoughError):
            train(dataset=arrays, recipe=recipe, out=out, progress=False, callback=enough)
    return out


@pytest.fixture
def finished(trained, tmp_path):
    """A copy of a run of two epochs, in its own folder."""
    return shutil.copytree(trained.folder, tmp_path / "finished")


def damage_last(folder, name="last.safetensors"):
    last = folder / name
    content = last.read_bytes()
    last.unlink()  # the previous one may be a hard link to it
    last.write_bytes(content[: len(content) // 2])


def test_resumed_run_equals_an_uninterrupted_run(arrays, tmp_path):
    expected = train(dataset=arrays, recipe=SMALL, progress=False)
    rows = []
    run = resume(begun(arrays, tmp_path / "run"), dataset=arrays, progress=False, callback=rows.append)
    assert run.folder == tmp_path / "run"
    assert without_times(run.history) == without_times(expected.history)
    assert run.history[-len(rows) :] == rows
    assert len(rows) < 3
    np.testing.assert_array_equal(run.model(arrays[2]), expected.model(arrays[2]))
    assert len(Run.open(run.folder).history) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"lr": 0.5, "seed": 3},
            r'keeps these settings: "lr" 0\.5 \(it is 0\.05\), "seed" 3 \(it is 0\)\. Allowed to change: ',
        ),
        ({"epoch": 3}, "^Unknown setting. Received: 'epoch'. .* Did you mean \"epochs\""),
        ({"epochs": "3"}, "Invalid value for \"epochs\". Received: '3'. Allowed: a whole number from 1 to 1000000."),
        ({"threads": 0}, 'Invalid value for "threads". Received: 0.'),
    ],
)
def test_resume_rejects_changes_of_other_settings(finished, changes, message):
    before = {file.name: file.stat().st_mtime_ns for file in finished.iterdir() if file.name != "run.lock"}
    with pytest.raises(UsageError, match=message):
        resume(finished, changes, progress=False)
    assert before == {file.name: file.stat().st_mtime_ns for file in finished.iterdir() if file.name != "run.lock"}


def test_resume_needs_the_same_arrays(arrays, tmp_path):
    run = begun(arrays, tmp_path / "run", SMALL.replace(checkpoint_every="1"))
    with pytest.raises(UsageError, match="arrays"):
        resume(run, progress=False)
    other = (*separable(100, 0), *arrays[2:])
    with pytest.raises(UsageError, match=r"does not match 100 examples .*Give the data of the run\."):
        resume(run, dataset=other, progress=False)
    other = (arrays[0], 1 - arrays[1], *arrays[2:])
    with pytest.raises(UsageError, match="The training data differ from those of the run"):
        resume(run, dataset=other, progress=False)


def test_resume_rejects_a_data_sets_name(finished):
    with pytest.raises(UsageError, match=r"needs no dataset\. Received: 'fashion-mnist'\. Omit it"):
        resume(finished, dataset="fashion-mnist", progress=False)


def test_resume_uses_the_previous_checkpoint_if_last_is_damaged(finished, trained):
    damage_last(finished)
    with pytest.warns(
        UserWarning, match=r"last\.safetensors.* Resuming from .*last\.previous\.safetensors instead\."
    ) as warned:
        run = resume(finished, progress=False)
    assert [warning.filename for warning in warned] == [__file__]
    assert without_times(run.history) == without_times(trained.history)


def test_best_checkpoint_is_named_only_if_it_exists(rejected, finished):
    for name in ("last.safetensors", "last.previous.safetensors"):
        damage_last(finished, name)
    best = finished / "best.safetensors"
    assert rejected("train", "--resume", finished)[1].endswith(f" The best checkpoint may be intact: {best}")
    best.unlink()
    code, message = rejected("train", "--resume", finished)
    assert (code, best.name in message) == (2, False)


def test_damaged_last_is_one_line_of_the_command(command, finished):
    damage_last(finished)
    code, out, err = command("train", "--resume", finished, "--quiet")
    assert code == 0
    assert err.startswith("py-djl-resnet: warning: ")
    assert "last.previous.safetensors" in err
    assert err.count("\n") == 1
    assert out.endswith("run folder: finished\nreport: finished/report.html\n")


def test_command_reports_a_complete_run(command, finished):
    code, out, err = command("train", "--resume", "finished")
    assert code == 0
    assert (
        err
        == "py-djl-resnet: This run is complete, with 2 of 2 epochs. Nothing was trained. Extend it with --epochs N.\n"
    )
    assert "epoch 2/" not in out
    assert command("train", "--resume", "finished", "--quiet")[2] == ""


@pytest.mark.parametrize("source", ["finished", "finished/last.safetensors"])
def test_command_resumes_a_run_or_a_checkpoint(command, finished, monkeypatch, source):
    monkeypatch.setenv("MAX_EPOCH", "1")  # applies to new runs only
    code, out, err = command("train", "--resume", source, "--epochs", "3")
    assert code == 0, err
    assert [line.partition(":")[0] for line in out.splitlines() if line.startswith("epoch")] == ["epoch 3/3"]
    assert out.endswith("run folder: finished\nreport: finished/report.html\n")
    assert len(Run.open(finished).history) == 3


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            ["--resume", "finished", "--out", "new"],
            ["--out cannot be combined with --resume", "Received: new."],
        ),
        (
            ["--resume", "finished", "--lr", "1"],
            ["settings: --lr 1 (it is 0.05). Allowed to change: --data-dir, --epochs, "],
        ),
        (["--resume", "nothing"], ["run nothing does not exist"]),
        (["--resume", "finished", "--device", "gpu:999"], ["no such device. Received: 'gpu:999'", "GPUs"]),
        (
            ["--resume", "finished", "--wait-for-lock", "-1"],
            ["--wait-for-lock must be at least 0. Received: -1."],
        ),
        (["--wait-for-lock", "60"], ["--wait-for-lock needs --resume."]),
    ],
)
def test_command_rejects_runs_that_cannot_be_resumed(rejected, finished, tmp_path, arguments, parts):
    code, message = rejected("train", *arguments)
    assert code == 2
    for part in parts:
        assert part in message
    assert [file.name for file in tmp_path.iterdir()] == ["finished"]


def test_auto_with_out_rejects_another_recipe(rejected, finished):
    before = {file.name: file.stat().st_mtime_ns for file in finished.iterdir()}
    # the run has limit 512, batch size 64, lr 0.05, 2 epochs; only the limit is repeated here
    code, message = rejected("train", "--resume", "auto", "--out", "finished", "--limit", "512", "--momentum", "0.9")
    assert code == 2
    assert "another recipe: --batch-size 256 (it is 64), --momentum 0.9 (it is 0.0). Give" in message
    assert "epochs" not in message  # it is resumable
    assert f"--resume {finished}" in message
    assert before == {file.name: file.stat().st_mtime_ns for file in finished.iterdir()}


def test_auto_finds_a_run_with_weights_of_a_relative_path(command, trained, tmp_path):
    shutil.copy(trained.folder / "last.safetensors", tmp_path / "begin.safetensors")
    weights = (*OPTIONS, "--weights", "begin.safetensors")
    assert command("train", *weights, "--out", "runs/first")[0] == 0
    code, out, err = command("train", *weights, "--epochs", "3", "--resume", "auto")
    assert code == 0, err
    assert out.endswith("run folder: runs/first\nreport: runs/first/report.html\n")
    assert len(Run.open(tmp_path / "runs" / "first").history) == 3


def test_auto_finds_a_run_of_an_earlier_version(command, finished, tmp_path):
    recipe = json.loads((finished / "recipe.json").read_text())
    for later in ("validation", "drop_last", "selection"):
        del recipe[later]
    (finished / "recipe.json").write_text(json.dumps(recipe))
    given = [f"--{name.replace('_', '-')}={recipe[name]}" for name in ("batch_size", "lr", "limit", "seed")]
    for epochs in (3, 4):
        code, _, err = command("train", *given, "--epochs", epochs, "--resume", "auto", "--out", finished, "--quiet")
        assert code == 0, err
        assert len(Run.open(finished).history) == epochs


def test_resume_rejects_fewer_epochs_than_completed(finished):
    before = (finished / "recipe.json").read_bytes()
    with pytest.raises(
        UsageError, match=r'"epochs" must be at least 2, which the run has already completed\. Received: 1'
    ):
        resume(finished, {"epochs": 1}, progress=False)
    assert (finished / "recipe.json").read_bytes() == before


@pytest.mark.parametrize(
    ("source", "content"),
    [(".", None), ("last.safetensors", '{"epochs": "two"}'), ("auto", None)],
)
def test_run_without_recipe_json_uses_the_recipe_in_its_checkpoint(command, finished, source, content):
    file = finished / "recipe.json"
    whole = json.loads(file.read_text())
    file.unlink() if content is None else file.write_text(content)
    options = ("--out", finished) if source == "auto" else ()
    given = ("--limit", "512", "--batch-size", "64") if source == "auto" else ()
    resumed = "auto" if source == "auto" else finished / source
    code, out, err = command("train", "--resume", resumed, *options, *given, "--epochs", "3", "--quiet")
    assert code == 0, err
    assert f"{file} cannot be read" in err
    assert out.endswith("run folder: finished\nreport: finished/report.html\n")
    assert json.loads(file.read_text()) == {**whole, "epochs": 3}
    assert len(Run.open(finished).history) == 3


def test_auto_finds_a_run_without_recipe_json(command, trained, tmp_path):
    run = shutil.copytree(trained.folder, tmp_path / "runs" / "first")
    (run / "recipe.json").unlink()
    same = ("--limit", "512", "--batch-size", "64", "--epochs", "2", "--quiet")
    code, out, err = command("train", "--resume", "auto", *same)
    assert code == 0, err
    assert out.endswith("run folder: runs/first\nreport: runs/first/report.html\n")


def test_run_without_recipe_and_checkpoint_is_rejected(rejected, finished):
    (finished / "recipe.json").unlink()
    for name in ("last.safetensors", "last.previous.safetensors"):
        (finished / name).write_bytes(b"no header")
    code, message = rejected("train", "--resume", finished)
    assert code == 2
    assert "recipe.json cannot be read: No such file" in message
