import json
import os
from pathlib import Path

import numpy as np
import pytest

from py_djl_resnet import Recipe, SettingError, UsageError
from py_djl_resnet.recipe import environment_settings, recipe_names, settings_of


def rejected(text):
    with pytest.raises(UsageError) as caught:
        Recipe.from_json(text, "recipe mine.json")
    message = str(caught.value)
    assert message.startswith("recipe mine.json")
    return message


def test_defaults_are_the_chapters():
    recipe = Recipe()
    assert (recipe.model, recipe.dataset) == ("d2l-resnet18", "fashion-mnist")
    assert (recipe.epochs, recipe.batch_size, recipe.lr) == (10, 256, 0.05)
    assert (recipe.momentum, recipe.schedule, recipe.image_size) == (0.0, "constant", None)


def test_json_round_trip():
    recipe = Recipe(epochs=3, lr=1, nesterov=True, limit=512, data_dir="here", validation=0.25, drop_last=True)
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_unknown_setting_suggests_a_similar_name():
    message = rejected('{"epoch": 3}')
    assert message.startswith("recipe mine.json: Unknown setting. Received: 'epoch'. Allowed: model, dataset, ")
    assert message.endswith('Did you mean "epochs"?')


def test_unknown_setting_suggests_nothing_dissimilar():
    assert rejected('{"optimizer": "adam"}').endswith(", validation, drop_last.")


def test_repeated_key_is_rejected():
    assert '"epochs" occurs twice' in rejected('{"epochs": 3, "epochs": 4}')


@pytest.mark.usefixtures("jvm")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"epochs": "ten"},
            "Invalid value for \"epochs\". Received: 'ten'. Allowed: a whole number from 1 to 1000000.",
        ),
        ({"epochs": 1.5}, 'Invalid value for "epochs". Received: 1.5. Allowed: a whole number from 1 to 1000000.'),
        ({"epochs": True}, 'Invalid value for "epochs". Received: true. Allowed: a whole number from 1 to 1000000.'),
        ({"epochs": None}, 'Invalid value for "epochs". Received: null. Allowed: a whole number from 1 to 1000000.'),
        ({"lr": "0.1"}, "Invalid value for \"lr\". Received: '0.1'. Allowed: a number from 0 to 1000."),
        ({"nesterov": 1}, 'Invalid value for "nesterov". Received: 1. Allowed: true or false.'),
        (
            {"limit": [1]},
            'Invalid value for "limit". Received: a list. Allowed: a whole number from 2 to 2147483647, or null.',
        ),
        ({"nesterov": True}, '"nesterov" needs "momentum" above 0. Received: 0.'),
        ({"warmup_epochs": 10}, '"warmup_epochs" must be less than "epochs". Received: 10 and 10.'),
        (
            {"data_dir": "a\0b"},
            "Invalid value for \"data_dir\". Received: 'a\\u0000b'. Allowed: a folder's path, or null.",
        ),
    ],
)
def test_invalid_value_shows_the_allowed_values(settings, message):
    with pytest.raises(SettingError) as caught:
        Recipe(**settings).checked()
    assert str(caught.value) == message


def test_checked_recipe_has_ints(jvm):
    recipe = Recipe.from_json('{"epochs": 3.0, "batch_size": 1e2}').checked()
    assert (recipe.epochs, recipe.batch_size) == (3, 100)
    assert isinstance(recipe.epochs, int)
    assert recipe.replace(epochs=10, batch_size=256) == Recipe()


@pytest.mark.parametrize("text", ["", "{", "epochs: 3", '{"epochs": 3,}', "[" * 100_000])
def test_invalid_json_is_rejected(text):
    assert "is not JSON" in rejected(text)


@pytest.mark.parametrize(("text", "shown"), [("[1]", "[1]"), ("3", "3"), ("null", "None"), ('"a"', "'a'")])
def test_json_without_an_object_is_rejected(text, shown):
    assert f'must be a JSON object like {{"epochs": 10}}. Received: {shown}.' in rejected(text)


def test_nan_is_rejected():
    assert "JSON does not allow NaN" in rejected('{"lr": NaN}')


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": float("nan")}, 'Invalid value for "lr". Received: nan. Allowed: a number from 0 to 1000.'),
        ({"lr": np.float32("inf")}, 'Invalid value for "lr". Received: inf. Allowed: '),
        ({"model": b"resnet18"}, "Invalid value for \"model\". Received: b'resnet18'. Allowed: a network's name"),
        ({"limit": {1, 2}}, 'Invalid value for "limit". Received: {1, 2}. Allowed: .*, or null.'),
        ({"epochs": 10**5000}, 'Invalid value for "epochs". Received: a whole number with thousands of digits.'),
        ({"engine": [float("nan")]}, r'Invalid value for "engine". Received: \[nan\]. Allowed: pytorch, mxnet.'),
    ],
)
def test_value_that_json_cannot_express_is_a_setting_error(settings, message):
    with pytest.raises(SettingError, match=message):
        Recipe(**settings)


def test_replace_rejects_an_unknown_setting():
    with pytest.raises(UsageError, match=r"^Unknown setting\. Received: 'epoch'\."):
        Recipe().replace(epoch=1)


def test_numpy_scalars_and_paths_are_accepted():
    recipe = Recipe(epochs=np.int64(3), lr=np.float32(0.5), weights=Path("a") / "b")
    settings = json.loads(recipe.to_json())
    assert (settings["epochs"], settings["lr"]) == (3, 0.5)
    assert recipe.weights == str(Path("a") / "b")


def test_missing_file_lists_the_recipes(tmp_path):
    with pytest.raises(UsageError, match=r"nothing.json cannot be read.*d2l-fashion-mnist"):
        Recipe.from_file(tmp_path / "nothing.json")


def test_binary_file_is_rejected(tmp_path):
    file = tmp_path / "binary.json"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"binary.json is not JSON: byte 0 is not UTF-8"):
        Recipe.from_file(file)


def test_folder_is_rejected(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        Recipe.from_file(tmp_path)


def test_byte_order_mark_is_ignored(tmp_path):
    file = tmp_path / "windows.json"
    file.write_text('{"epochs": 3}', encoding="utf-8-sig")
    assert Recipe.from_file(file) == Recipe(epochs=3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipe_is_rejected_without_blocking(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(UsageError, match=r"pipe\.json is a pipe or a device\. Give a regular file\."):
        Recipe.from_file(tmp_path / "pipe.json")


def test_unknown_recipe_suggests_a_similar_name():
    with pytest.raises(
        UsageError,
        match=r"Unknown recipe\. Received: 'fashion-mnist-momentun'\. Did you mean 'fashion-mnist-momentum'\? Give a ",
    ):
        Recipe.from_file("fashion-mnist-momentun")


def test_chapters_recipe_is_the_default():
    assert Recipe.from_file("d2l-fashion-mnist") == Recipe()


def test_bundled_recipes_are_valid():
    assert recipe_names() == ["d2l-fashion-mnist", "fashion-mnist-momentum"]
    momentum = Recipe.from_file("fashion-mnist-momentum")
    assert (momentum.momentum, momentum.nesterov, momentum.weight_decay) == (0.9, True, 5e-4)
    assert settings_of("fashion-mnist-momentum")["schedule"] == momentum.schedule == "one-cycle"


def test_environment_sets_epochs_and_limit():
    assert environment_settings({"MAX_EPOCH": "3", "DATASET_LIMIT": " 512 "}) == {
        "epochs": 3,
        "limit": 512,
    }
    assert environment_settings({"MAX_EPOCH": ""}) == {}


@pytest.mark.parametrize("value", ["ten", "²", "nan", "1e999", "9" * 5000])
def test_environment_that_is_not_a_number_is_left_to_java(value):
    assert environment_settings({"MAX_EPOCH": value}) == {"epochs": value}


def test_recipe_of_a_run_folder_can_be_used_again(trained):
    assert Recipe.from_file(trained.folder / "recipe.json") == trained.recipe
