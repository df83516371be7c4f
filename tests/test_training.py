import csv
import json
import shutil
import signal
import threading

import numpy as np
import pytest
from examples import without_times

from py_djl_resnet import (
    Interrupted,
    Recipe,
    ResnetError,
    Run,
    TrainingError,
    UsageError,
    _following,
    evaluate,
    load,
    train,
)

SMALL = Recipe(epochs=2, batch_size=32, lr=0.02)


def test_run_folder_agrees_with_the_run(trained):
    assert {f.name for f in trained.folder.iterdir()} >= {
        "recipe.json",
        "metrics.csv",
        "last.safetensors",
        "best.safetensors",
    }
    with (trained.folder / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(r["train_loss"]) for r in rows] == [r["train_loss"] for r in trained.history]
    recipe = json.loads((trained.folder / "recipe.json").read_text())
    assert (recipe["epochs"], recipe["limit"]) == (2, 512)


def test_opened_run_equals_the_trained_run(trained):
    opened = Run.open(trained.folder)
    assert opened.recipe == trained.recipe
    times = ("seconds", "validation_seconds", "examples_per_second")
    for row, original in zip(opened.history, trained.history, strict=True):
        assert row.keys() == original.keys()
        # the table rounds times only
        assert [row[key] for key in times] == pytest.approx([original[key] for key in times], abs=0.06)
        assert {k: v for k, v in row.items() if k not in times} == {k: v for k, v in original.items() if k not in times}
    x = np.zeros((1, 1, 28, 28), np.float32)
    np.testing.assert_allclose(opened.model(x), trained.model(x), rtol=1e-5, atol=1e-5)


def test_run_on_arrays_learns_and_keeps_nothing_on_disk(arrays, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = train(dataset=arrays, recipe=SMALL, class_names=["up", "down"], progress=False)
    assert run.history[-1]["train_accuracy"] > 0.9
    assert run.folder is None
    assert not list(tmp_path.iterdir())
    assert run.model.class_names == ["up", "down"]
    assert run.model(arrays[2]).shape == (64, 2)
    result = evaluate(run.model, (arrays[2], arrays[3]))
    assert result.accuracy == run.history[-1]["test_accuracy"]
    assert result.confusion_matrix.sum() == 64


def test_run_on_arrays_with_a_folder_writes_a_checkpoint(arrays, tmp_path):
    out = tmp_path / "run"
    run = train(dataset=arrays, recipe=SMALL.replace(epochs=1), out=out, progress=False)
    assert run.folder == out
    with pytest.raises(UsageError, match="was trained on arrays"):
        evaluate(out)
    assert evaluate(out, (arrays[2], arrays[3])).confusion_matrix.shape == (2, 2)


def test_training_works_on_a_second_thread(arrays):
    runs = []
    thread = threading.Thread(
        target=lambda: runs.append(train(dataset=arrays, recipe=SMALL.replace(epochs=1), progress=False))
    )
    thread.start()
    thread.join()
    assert len(runs[0].history) == 1


def test_default_run_folder_is_below_the_working_directory(jvm, tmp_path, monkeypatch):
    for place in ("a", "b"):  # Java keeps the working directory where it was started
        (tmp_path / place).mkdir()
        monkeypatch.chdir(tmp_path / place)
        run = train(recipe=Recipe(epochs=1, limit=64, batch_size=32), progress=False)
        assert run.folder.parent == tmp_path / place / "runs"
        assert (run.folder / "last.safetensors").is_file()


def test_weights_may_be_a_run_folder(trained, tmp_path):
    recipe = Recipe(epochs=1, limit=64, batch_size=32, lr=0.0, weights=str(trained.folder))
    run = train(recipe=recipe, out=tmp_path / "run", progress=False)
    assert run.recipe.weights == str(trained.folder / "best.safetensors")
    with run.model as model, load(trained.folder) as best:
        np.testing.assert_array_equal(model.state_dict()["fc.weight"], best.state_dict()["fc.weight"])
    again = train(recipe=recipe.replace(epochs=2), out=tmp_path / "run", resume="auto", progress=False)
    assert len(again.history) == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no checkpoint"):
        train(recipe=recipe.replace(weights=tmp_path / "empty"), progress=False)


def test_metrics_with_a_byte_order_mark_are_read(trained, tmp_path):
    folder = shutil.copytree(trained.folder, tmp_path / "run")
    for name in ("metrics.csv", "recipe.json"):
        (folder / name).write_text((folder / name).read_text("utf-8"), encoding="utf-8-sig")
    assert Run.open(folder).history == Run.open(trained.folder).history


def test_second_training_in_a_process_is_rejected(arrays):
    rejections = []

    def begin_another(row):
        def another():
            with pytest.raises(UsageError, match="can train only one network at a time") as caught:
                train(dataset=arrays, recipe=SMALL, progress=False)
            rejections.append(caught)

        thread = threading.Thread(target=another)
        thread.start()
        thread.join()

    run = train(dataset=arrays, recipe=SMALL, progress=False, callback=begin_another)
    assert len(rejections) == len(run.history) == 2
    assert run.history[-1]["train_accuracy"] > 0.9
    train(dataset=arrays, recipe=SMALL.replace(epochs=1), progress=False)


def test_network_of_a_failed_run_is_closed(arrays, monkeypatch, jvm):
    handles = []
    follow = _following._follow
    monkeypatch.setattr(_following, "_follow", lambda handle, *rest: handles.append(handle) or follow(handle, *rest))
    x = np.zeros((1, 1, 16, 16), np.float32)

    def logits(handle):
        with jvm.translated_errors():
            handle.network().forward(jvm.to_direct_buffer(x), list(x.shape), "float32")

    run = train(dataset=arrays, recipe=SMALL.replace(epochs=1), progress=False)
    logits(handles[-1])
    del run
    with pytest.raises(ResnetError, match="closed"):
        logits(handles[-1])
    with pytest.raises(ZeroDivisionError):
        train(dataset=arrays, recipe=SMALL, progress=False, callback=lambda row: 1 / 0)
    with pytest.raises(ResnetError):
        logits(handles[-1])

    class WithRunError(Exception):
        run = "of the caller's own"

    def fail(row):
        raise WithRunError

    with pytest.raises(WithRunError):
        train(dataset=arrays, recipe=SMALL, progress=False, callback=fail)
    with pytest.raises(ResnetError):
        logits(handles[-1])
    many = SMALL.replace(epochs=50)

    def interrupt(row):
        # once, because a second signal would end the process
        if row["epoch"] == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted) as caught:
        train(dataset=arrays, recipe=many, progress=False, callback=interrupt)
    logits(handles[-1])
    caught.value.run.model.close()
    with pytest.raises(ResnetError):
        logits(handles[-1])


@pytest.mark.parametrize("patience", [None, 50])
def test_interrupted_run_has_its_last_network_or_with_patience_its_best(arrays, tmp_path, patience):
    accuracies = []

    def interrupt(row):
        worse = row["test_accuracy"] <= max(accuracies, default=-1)
        accuracies.append(2 if worse else row["test_accuracy"])  # 2: nothing is better, so that only one signal is sent
        if accuracies.count(2) == 1 and worse:
            signal.raise_signal(signal.SIGINT)

    # only the running statistics change, so soon an epoch is no better than the one before
    recipe = SMALL.replace(epochs=50, lr=0.0, patience=patience)
    with pytest.raises(
        Interrupted, match=r"Resume with: py_djl_resnet\.resume\('.*', dataset=the same arrays\)"
    ) as caught:
        train(dataset=arrays, recipe=recipe, out=tmp_path / "run", progress=False, callback=interrupt)
    run = caught.value.run
    assert (run.folder, run.history) == (caught.value.folder, caught.value.history)
    assert run.recipe.lr == 0
    kept, other = ("last", "best") if patience is None else ("best", "last")
    with run.model as network, load(tmp_path / "run" / f"{kept}.safetensors") as same:
        for name, values in same.state_dict().items():
            np.testing.assert_array_equal(network.state_dict()[name], values, name)
        with load(tmp_path / "run" / f"{other}.safetensors") as differs:
            means = [each.state_dict()["bn1.running_mean"] for each in (network, differs)]
        assert not np.array_equal(*means)


def test_failed_run_with_patience_has_its_best_network(arrays, tmp_path):
    # one step per epoch; the weights are finite after the first and not after the second
    recipe = Recipe(epochs=30, batch_size=len(arrays[0]), lr=10.0, weight_decay=1.0, patience=29)
    with pytest.raises(TrainingError) as caught:
        train(dataset=arrays, recipe=recipe, out=tmp_path / "run", progress=False)
    assert "Start a new run with a lower learning rate" in str(caught.value)
    assert str(caught.value).endswith(f"start it from the weights in {tmp_path / 'run' / 'last.safetensors'}.")
    assert len(caught.value.run.history) == 1
    assert without_times(caught.value.run.history) == without_times(Run.open(tmp_path / "run").history)
    with caught.value.run.model as network, load(tmp_path / "run" / "best.safetensors") as best:
        for name, values in best.state_dict().items():
            np.testing.assert_array_equal(network.state_dict()[name], values, name)


def test_run_whose_folder_vanishes_keeps_its_network(arrays, tmp_path):
    recipe = SMALL.replace(epochs=50)
    with pytest.raises(ResnetError, match=r"Cannot write|has taken") as caught:
        train(
            dataset=arrays,
            recipe=recipe,
            out=tmp_path / "run",
            progress=False,
            callback=lambda row: row["epoch"] == 2 and (tmp_path / "run").rename(tmp_path / "moved"),
        )
    assert 2 <= len(caught.value.run.history) < 50
    with caught.value.run.model as network:
        assert np.mean(network(arrays[2]).argmax(1) == arrays[3]) > 0.9


def test_signal_after_the_last_epoch_does_not_interrupt(arrays):
    run = train(
        dataset=arrays,
        recipe=SMALL.replace(epochs=1),
        progress=False,
        callback=lambda row: signal.raise_signal(signal.SIGINT),
    )
    assert len(run.history) == 1
    assert run.model(arrays[2]).shape == (64, 2)
