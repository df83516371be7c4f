"""Runs that keep an average of their weights, and the choice between the two."""

import json

import numpy as np
import pytest
from examples import without_times

from py_djl_resnet import Recipe, Run, evaluate, load, train
from py_djl_resnet.errors import SettingError


@pytest.fixture(scope="module")
def averaged(arrays, tmp_path_factory):
    """A run with an average that lags far behind its weights."""
    recipe = Recipe(model="cifar-resnet20", epochs=3, batch_size=32, lr=0.05, ema_decay=0.99, image_size=16)
    return train(dataset=arrays, recipe=recipe, out=tmp_path_factory.mktemp("runs") / "averaged", progress=False)


def test_average_has_columns_of_its_own_which_select_the_best_epoch(averaged):
    row = averaged.history[-1]
    assert list(row)[-4:] == ["test_loss", "test_accuracy", "test_average_loss", "test_average_accuracy"]
    assert row["test_average_loss"] != row["test_loss"]
    assert averaged.selection == {"metric": "test_average_accuracy", "higher_is_better": True, "on": "test data"}
    assert without_times(Run.open(averaged.folder).history) == without_times(averaged.history)


def test_load_takes_the_average_unless_it_is_told_otherwise(averaged, arrays):
    last = averaged.folder / "last.safetensors"
    row = averaged.history[-1]
    with load(last) as average, load(last, raw=True) as raw:
        assert evaluate(average, arrays[2:]).loss == pytest.approx(row["test_average_loss"], rel=1e-4)
        assert evaluate(raw, arrays[2:]).loss == pytest.approx(row["test_loss"], rel=1e-4)
        state, other = average.state_dict(), averaged.model.state_dict()
        assert all(np.array_equal(state[name], other[name]) for name in state)
        assert not np.array_equal(state["fc.weight"], raw.state_dict()["fc.weight"])


def test_training_starts_from_the_average(averaged, arrays):
    recipe = Recipe(model="cifar-resnet20", weights=str(averaged.folder / "last.safetensors"), freeze="body", lr=0)
    again = train(dataset=arrays, recipe=recipe.replace(epochs=1), progress=False)
    assert again.history[0]["test_loss"] == pytest.approx(averaged.history[-1]["test_average_loss"], rel=1e-4)


def test_commands_take_the_weights_themselves_on_request(averaged, command, tmp_path):
    last = averaged.folder / "last.safetensors"
    with load(last, raw=True) as raw, load(last) as average:
        expected = {"--raw": raw.state_dict()["fc.bias"], "": average.state_dict()["fc.bias"]}
    for option, bias in expected.items():
        file = tmp_path / f"weights{option}.safetensors"
        code, _, err = command("export", last, "--format", "safetensors", "--out", file, *filter(None, [option]))
        assert code == 0, err
        header = int.from_bytes(file.read_bytes()[:8], "little")
        entry = json.loads(file.read_bytes()[8 : 8 + header])["fc.bias"]
        begin, end = (8 + header + offset for offset in entry["data_offsets"])
        assert np.array_equal(np.frombuffer(file.read_bytes()[begin:end], np.float32), bias)


def test_figures_show_the_average_beside_the_weights(averaged):
    chart = averaged.plot()
    labels = [line.get_label() for line in chart.axes[0].lines]
    assert labels[:3] == ["train", "test", "test, average"]
    assert len(chart.axes) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ema_decay": 1}, "Allowed: a number from 0 to 0.99999"),
        ({"ema_decay": 0.9, "swa_epochs": 1}, "exclude each other"),
        ({"beta1": 0.5}, '"beta1" needs "optimizer" adam or adamw. Received: sgd.'),
        ({"optimizer": "adamw", "momentum": 0.9}, '"momentum" needs "optimizer" sgd, muon or lars. Received: adamw.'),
        ({"triangle_peak": 0.5}, '"triangle_peak" needs "schedule" triangular. Received: constant.'),
        (
            {"model": "vae-small", "objective": "bernoulli", "sigma": "learned"},
            'needs "objective" gaussian. Received: bernoulli.',
        ),
        (
            {"model": "vae-small", "beta": 0, "beta_warmup_epochs": 1},
            '"beta_warmup_epochs" needs "beta" above 0. Received: 0.',
        ),
        ({"freeze": "layer7"}, "Did you mean 'layer1'?"),
        ({"lr_scales": "heads:2"}, "Did you mean 'head'?"),
        ({"freeze": "body,head"}, '"freeze" leaves no parameter to train in epoch 1.'),
    ],
)
def test_settings_that_do_not_fit_are_rejected_before_anything_is_written(arrays, tmp_path, settings, message):
    recipe = Recipe(epochs=2, **settings)
    with pytest.raises(SettingError) as rejected:
        train(dataset=arrays, recipe=recipe, out=tmp_path / "run", progress=False)
    assert message in str(rejected.value)
    assert not (tmp_path / "run").exists()
