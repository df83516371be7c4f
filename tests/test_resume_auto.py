"""train(resume=...) from Python; test_resume.py tests the command line."""

import os
import re
import warnings

import pytest
from examples import separable, without_times
from interruption import held

from py_djl_resnet import Recipe, ResnetWarning, Run, RunInUseError, SettingError, UsageError, resume, train
from py_djl_resnet.resuming import when_free

SMALL = Recipe(epochs=1, limit=64, batch_size=32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def first(folder):
    """A run of one epoch in runs/first."""
    return train(recipe=SMALL, out="runs/first", progress=False).folder


@pytest.mark.parametrize("out", ["runs/first", None])
def test_auto_starts_a_run_and_resumes_it_with_more_epochs(folder, out):
    begun = train(recipe=SMALL, out=out, resume="auto", progress=False)
    rows = []
    run = train(recipe=SMALL.replace(epochs=2), out=out, resume="auto", progress=False, callback=rows.append)
    assert run.folder == begun.folder
    assert run.folder.parent == folder / "runs"
    assert [row["epoch"] for row in rows] == [2]
    assert without_times(run.history) == without_times(train(recipe=run.recipe, progress=False).history)


def test_auto_resumes_a_run_that_chose_its_precision(folder):
    recipe = SMALL.replace(precision="auto")
    begun = train(recipe=recipe, resume="auto", progress=False)
    assert train(recipe=recipe.replace(epochs=2), resume="auto", progress=False).folder == begun.folder


@pytest.mark.parametrize("out", ["runs/first", None])
def test_auto_resumes_an_autoencoder_that_chose_its_validation_images(folder, out):
    recipe = SMALL.replace(model="vae-small", image_size=8, optimizer="adam", lr=1e-3)
    begun = train(recipe=recipe, out=out, resume="auto", progress=False)
    assert begun.recipe.validation == 0.1
    run = train(recipe=recipe.replace(epochs=2), out=out, resume="auto", progress=False)
    assert (run.folder, [row["epoch"] for row in run.history]) == (begun.folder, [1, 2])
    with pytest.raises(SettingError, match=r'"validation" 0\.2 \(it is 0\.1\)'):
        train(recipe=recipe.replace(validation=0.2), out=run.folder, resume="auto", progress=False)


def test_auto_without_a_folder_resumes_the_newest_run_with_the_recipe(folder, first):
    train(recipe=SMALL, out="runs/second", progress=False)
    train(recipe=SMALL.replace(lr=0.1), out="runs/other", progress=False)
    os.utime(first / "recipe.json", ns=(2**62, 2**62))
    assert train(recipe=SMALL, resume="auto", progress=False).folder == first


def test_run_is_resumed_with_any_recipe_unless_one_is_given(first):
    run = train(resume=first, changes={"epochs": 2}, progress=False)
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert len(train(recipe=SMALL.replace(epochs=3), resume="runs/first/last.safetensors", progress=False).history) == 3
    with pytest.raises(SettingError, match='has another recipe: "limit" None \\(it is 64\\), "seed" 1 \\(it is 0\\)'):
        train(recipe=Recipe(batch_size=32, seed=1), resume=first, progress=False)
    with pytest.raises(SettingError, match="has another recipe: \"model\" 'plain20' "):
        train("plain20", recipe=SMALL, resume=first, progress=False)


def test_auto_on_arrays_needs_and_resumes_a_run_folder(folder):
    arrays = (*separable(64, 0), *separable(32, 1))
    recipe = Recipe(epochs=1, batch_size=32)
    with pytest.raises(SettingError, match='"resume" of a run on arrays needs "out"'):
        train(dataset=arrays, recipe=recipe, resume="auto", progress=False)
    for epochs in (1, 2):
        run = train(dataset=arrays, recipe=recipe.replace(epochs=epochs), out="run", resume="auto", progress=False)
        assert len(run.history) == epochs
    assert len(Run.open("run").history) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resume": "runs/first", "out": "new"}, '"out" cannot be combined with "resume" of a run'),
        ({"resume": "nothing"}, "run nothing does not exist"),
        ({"wait": 1}, '"wait" needs "resume"'),
        ({"changes": {}}, '"changes" needs "resume"'),
        ({"resume": "auto", "wait": -1}, '"wait" must be at least 0. Received: -1.'),
    ],
)
def test_invalid_argument_is_rejected(folder, arguments, message):
    (folder / "runs" / "first").mkdir(parents=True)
    with pytest.raises(UsageError, match=message):
        train(recipe=SMALL, progress=False, **arguments)
    assert [file.name for file in folder.iterdir()] == ["runs"]


def test_a_long_wait_is_announced_in_days():
    attempts = [RunInUseError("The run folder mine is being written by another run."), None]

    def begin():
        if (error := attempts.pop(0)) is not None:
            raise error

    with pytest.warns(ResnetWarning, match=r"^Waiting up to 7 days\. The run folder mine is being written"):
        when_free(7 * 86400, begin)
    assert attempts == []


def test_wait_for_a_run_in_use(first):
    with held(first) as holder:
        announced = re.escape(f"Waiting up to 0.3 s. The run folder {first} is being written by another run")
        for call in (lambda **more: resume(first, **more), lambda **more: train(resume=first, **more)):
            with pytest.raises(RunInUseError), pytest.warns(ResnetWarning, match=announced) as warned:
                call(wait=0.3, progress=False)
            assert [warning.filename for warning in warned] == [__file__]
            with pytest.raises(RunInUseError, match='"wait" sets how many seconds to wait') as caught:
                call(progress=False)
            assert "--wait" not in str(caught.value)
        holder.stdin.close()
        with warnings.catch_warnings():
            # the other process may or may not have ended by the first attempt
            warnings.simplefilter("ignore", ResnetWarning)
            assert len(resume(first, wait=60, progress=False).history) == 1
