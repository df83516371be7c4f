import json
import re

import numpy as np
import pytest

from py_djl_resnet import Recipe, UsageError
from py_djl_resnet.recipe import environment_settings, recipe_names, settings_of


def refused(text):
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


def test_json_and_back_gives_the_same_recipe():
    recipe = Recipe(epochs=3, lr=1, nesterov=True, limit=512, data_dir="here")
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.lr == 1.0
    assert isinstance(recipe.lr, float)


def test_unknown_key_is_named_with_the_nearest_one():
    message = refused('{"epoch": 3}')
    assert "unknown key 'epoch'" in message
    assert "did you mean 'epochs'?" in message


def test_doubled_key_is_named():
    assert "'epochs' is there twice" in refused('{"epochs": 3, "epochs": 4}')


@pytest.mark.parametrize(
    ("text", "key", "allowed", "received"),
    [
        ('{"epochs": "ten"}', "epochs", "a whole number", '"ten"'),
        ('{"epochs": 1.5}', "epochs", "a whole number", "1.5"),
        ('{"epochs": true}', "epochs", "a whole number", "true"),
        ('{"epochs": null}', "epochs", "a whole number", "null"),
        ('{"lr": "0.1"}', "lr", "a number", '"0.1"'),
        ('{"nesterov": 1}', "nesterov", "true or false", "1"),
        ('{"model": 18}', "model", "text", "18"),
        ('{"limit": [1]}', "limit", "a whole number or null", "[1]"),
    ],
)
def test_wrong_type_is_named_with_what_is_allowed(text, key, allowed, received):
    assert refused(text) == f"recipe mine.json: {key} must be {allowed}; received {received}"


@pytest.mark.parametrize("text", ["", "{", "epochs: 3", '{"epochs": 3,}', "[" * 100_000])
def test_what_is_not_json_is_said_to_be_so(text):
    assert "is not JSON" in refused(text)


@pytest.mark.parametrize("text", ["[1]", "3", "null", '"a"'])
def test_json_that_is_no_object_is_refused(text):
    assert f'must be a JSON object like {{"epochs": 10}}; received {text}' in refused(text)


def test_nan_is_refused():
    assert "NaN is not a number that JSON allows" in refused('{"lr": NaN}')


def test_wrong_type_in_python_is_a_usage_error():
    with pytest.raises(UsageError, match=r"batch_size must be a whole number; received 2\.5"):
        Recipe(batch_size=2.5)


def test_replace_names_an_unknown_setting():
    with pytest.raises(UsageError, match="unknown key 'epoch'"):
        Recipe().replace(epoch=1)


def test_numbers_of_numpy_are_taken():
    recipe = Recipe(epochs=np.int64(3), lr=np.float32(0.5))
    assert json.loads(recipe.to_json())["epochs"] == 3
    assert recipe.lr == 0.5


def test_missing_file_is_named_with_the_recipes_there_are(tmp_path):
    with pytest.raises(UsageError, match=r"nothing.json cannot be read.*d2l-fashion-mnist"):
        Recipe.from_file(tmp_path / "nothing.json")


def test_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "binary.json"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"binary.json is not JSON: byte 0 is not UTF-8"):
        Recipe.from_file(file)


def test_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        Recipe.from_file(tmp_path)


def test_unknown_name_is_answered_with_the_nearest_one():
    with pytest.raises(UsageError, match="did you mean 'fashion-mnist-momentum'"):
        Recipe.from_file("fashion-mnist-momentun")


def test_chapters_recipe_is_the_default_one():
    assert Recipe.from_file("d2l-fashion-mnist") == Recipe()


def test_every_recipe_of_the_package_is_sound():
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


@pytest.mark.parametrize("value", ["ten", "0", "-1", "1.5", "²"])
def test_bad_environment_is_named(value):
    with pytest.raises(UsageError, match=f"MAX_EPOCH='{value}' must be a whole number"):
        environment_settings({"MAX_EPOCH": value})


@pytest.mark.parametrize(
    ("variable", "value"),
    [("DATASET_LIMIT", "1"), ("DATASET_LIMIT", "2147483648"), ("MAX_EPOCH", "1000001"), ("MAX_EPOCH", "9" * 5000)],
)
def test_environment_beyond_what_java_allows_is_named(variable, value):
    with pytest.raises(UsageError, match=f"{variable}='{value}' must be a whole number from [12] to "):
        environment_settings({variable: value})


def test_ranges_of_the_docstring_are_those_of_java(jvm):
    bridge = jvm.bridge()
    ranges = {}
    for entry in re.split(r"\n {8}(?=\w+: )", Recipe.__doc__)[1:]:
        if found := re.search(r"from\s+([\d.]+)\s+to\s+(\d[\d.]*\d|\d)", entry):
            ranges[entry.partition(":")[0]] = tuple(map(json.loads, found.groups()))
    numbers = {key for key, value in Recipe().__dict__.items() if type(value) in (int, float)}
    assert set(ranges) == numbers - {"seed", "warmup_epochs"} | {"image_size", "limit", "threads", "patience"}
    for key, (least, most) in ranges.items():
        step = 1e-5 if isinstance(getattr(Recipe(), key), float) else 1
        for allowed in (least, most):
            bridge.completeRecipe(json.dumps({key: allowed}))
        for beyond in (least - step, most + step):
            with pytest.raises(UsageError, match=key), jvm.translated_errors():
                bridge.completeRecipe(json.dumps({key: beyond}))


def test_recipe_of_a_run_folder_can_be_used_again(trained):
    assert Recipe.from_file(trained.folder / "recipe.json") == trained.recipe
