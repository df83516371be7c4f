import json
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


def test_unknown_setting_suggests_a_similar_name():
    message = rejected('{"epoch": 3}')
    assert message.startswith("recipe mine.json: Unknown setting. Received: 'epoch'. Allowed: model, dataset, ")
    assert message.endswith('Did you mean "epochs"?')


@pytest.mark.usefixtures("jvm")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"epochs": "ten"},
            "Invalid value for \"epochs\". Received: 'ten'. Allowed: a whole number from 1 to 1000000.",
        ),
        ({"epochs": True}, 'Invalid value for "epochs". Received: true. Allowed: a whole number from 1 to 1000000.'),
        (
            {"limit": [1]},
            'Invalid value for "limit". Received: a list. Allowed: a whole number from 2 to 2147483647, or null.',
        ),
        ({"nesterov": True}, '"nesterov" needs "momentum" above 0. Received: 0.'),
        (
            {"warmup_epochs": 10},
            '"warmup_epochs" must be less than "epochs". Received: 10 and 10. Set "warmup_epochs" 0, or more "epochs".',
        ),
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


def test_value_of_a_wrong_type_names_the_file():
    with pytest.raises(SettingError, match=r'^mine: Invalid value for "class_weights"\. Received: False\.'):
        Recipe.from_json('{"class_weights": false}', "mine")


@pytest.mark.parametrize("text", ["", '{"epochs": 3,}', "[" * 100_000])
def test_invalid_json_is_rejected(text):
    assert "is not JSON" in rejected(text)


@pytest.mark.parametrize("text", ['{"lr": 0.1, "epochs": 1, "lr": 2}', '{"selection": {"lr": 1, "lr": 2}}'])
def test_repeated_setting_is_named(text):
    assert rejected(text).endswith('"lr" occurs twice. Keep one.')


def test_number_that_is_not_finite_is_rejected_with_its_source():
    with pytest.raises(UsageError, match=r"^mine: JSON does not allow Infinity\. Give a finite number\.$"):
        Recipe.from_json('{"model": Infinity}', "mine")


def test_json_without_an_object_is_rejected():
    assert 'must be a JSON object like {"epochs": 10}. Received: [1].' in rejected("[1]")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": float("nan")}, 'Invalid value for "lr". Received: nan. Allowed: a number from 0 to 1000.'),
        ({"model": b"resnet18"}, "Invalid value for \"model\". Received: b'resnet18'. Allowed: a network's name"),
        ({"epochs": 10**5000}, 'Invalid value for "epochs". Received: a whole number with thousands of digits.'),
    ],
)
def test_value_that_json_cannot_express_is_a_setting_error(settings, message):
    with pytest.raises(SettingError, match=message):
        Recipe(**settings)


def test_numpy_scalars_and_paths_are_accepted():
    recipe = Recipe(epochs=np.int64(3), lr=np.float32(0.5), weights=Path("a") / "b")
    settings = json.loads(recipe.to_json())
    assert (settings["epochs"], settings["lr"]) == (3, 0.5)
    assert recipe.weights == str(Path("a") / "b")


def test_binary_file_is_rejected(tmp_path):
    file = tmp_path / "binary.json"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"binary.json is not JSON: byte 0 is not UTF-8"):
        Recipe.from_file(file)


def test_byte_order_mark_is_ignored(tmp_path):
    file = tmp_path / "windows.json"
    file.write_text('{"epochs": 3}', encoding="utf-8-sig")
    assert Recipe.from_file(file) == Recipe(epochs=3)


def test_unknown_recipe_suggests_a_similar_name():
    with pytest.raises(
        UsageError,
        match=r"Unknown recipe\. Received: 'fashion-mnist-momentun'\. Did you mean 'fashion-mnist-momentum'\? Give a ",
    ):
        Recipe.from_file("fashion-mnist-momentun")


def test_chapters_recipe_is_the_default():
    assert Recipe.from_file("d2l-fashion-mnist") == Recipe()


def test_bundled_recipes_are_valid():
    assert {"d2l-fashion-mnist", "fashion-mnist-fast", "cifar-10-fast"} <= set(recipe_names())
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
