"""The options of the command ``train``, and its help."""

import json
import re
from types import SimpleNamespace

import pytest

from py_djl_resnet import Recipe
from py_djl_resnet.cli.parser import build_parser, parse
from py_djl_resnet.settings import SETTINGS


@pytest.fixture
def explained(capsys, monkeypatch):
    """The help of the train command for an environment: option → its text, in one line."""

    monkeypatch.setenv("COLUMNS", "400")

    def explain(**environment):
        for variable in ("MAX_EPOCH", "DATASET_LIMIT"):
            monkeypatch.delenv(variable, raising=False)
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        with pytest.raises(SystemExit):
            parse(build_parser("py-djl-resnet"), ["train", "--help"])
        entries = re.split(r"\n  (?=--)", capsys.readouterr().out.replace("\n\n", "\n  --\n"))
        return {re.split(r"[ ,]", entry)[0]: " ".join(entry.split()) for entry in entries[1:]}

    return explain


def test_help_shows_the_default_of_every_setting(explained):
    text = explained()
    for key, value in Recipe().__dict__.items():
        option = "--" + key.replace("_", "-")
        if value is not None:
            shown = {False: "no", True: "yes"}[value] if isinstance(value, bool) else "none" if value == () else value
            assert text[option].endswith(f"(default: {shown})")
    assert text["--threads"].endswith("(default: all cores)")
    assert text["--limit"].endswith("(default: all)")
    assert text["--patience"].endswith("(default: never)")


def test_help_shows_defaults_from_the_environment(explained):
    text = explained(MAX_EPOCH="3", DATASET_LIMIT="512")
    assert text["--epochs"].endswith("(default: 3, from MAX_EPOCH)")
    assert text["--limit"].endswith("(default: 512, from DATASET_LIMIT)")
    assert text["--lr"].endswith("(default: 0.05)")


def settings(monkeypatch, environment, *arguments):
    from py_djl_resnet.cli import train

    for variable in ("MAX_EPOCH", "DATASET_LIMIT"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    options = parse(build_parser("py-djl-resnet"), ["train", *arguments])
    monkeypatch.setattr(train, "train", lambda recipe, **more: recipe)
    return train._trained(options, print)


def test_command_line_wins_over_recipe_over_environment_over_default(monkeypatch, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text('{"epochs": 4, "lr": 0.2, "momentum": 0.9, "nesterov": true}')
    environment = {"MAX_EPOCH": "3", "DATASET_LIMIT": "512"}
    assert settings(monkeypatch, {}).epochs == 10
    assert settings(monkeypatch, environment).epochs == 3
    recipe = settings(monkeypatch, environment, "--recipe", str(file), "--lr", "0.3", "--no-nesterov")
    assert (recipe.epochs, recipe.limit) == (4, 512)
    assert (recipe.lr, recipe.momentum, recipe.nesterov) == (0.3, 0.9, False)
    assert settings(monkeypatch, environment, "--recipe", str(file), "--epochs", "5").epochs == 5


def test_every_setting_has_an_option(monkeypatch):
    for setting in SETTINGS.values():
        if setting.type == "boolean":
            flag = setting.flag.replace("--", "--no-") if setting.default else setting.flag
            assert getattr(settings(monkeypatch, {}, flag), setting.name) is not setting.default
        else:
            text = "7" if setting.type in ("integer", "number") else "text"
            recipe = settings(monkeypatch, {}, setting.flag, text)
            value = getattr(recipe, setting.name)
            assert (value[0] if isinstance(value, tuple) else str(value)) == text


def test_validation_is_a_number_or_a_path(monkeypatch):
    assert settings(monkeypatch, {}, "--validation", "0.1").validation == 0.1
    assert settings(monkeypatch, {}, "--validation", "held-out.txt").validation == "held-out.txt"
    assert settings(monkeypatch, {}, "--validation", "nan").validation == "nan"


def test_weights_of_a_run_folder_are_its_best_checkpoint(command, trained, tmp_path):
    arguments = ("train", "--quiet", "--epochs", "1", "--limit", "64", "--batch-size", "32", "--out", "mine")
    code, _, err = command(*arguments, "--weights", trained.folder)
    assert (code, err) == (0, "")
    recipe = json.loads((tmp_path / "mine" / "recipe.json").read_text())
    assert recipe["weights"] == str(trained.folder / "best.safetensors")


@pytest.mark.usefixtures("jvm")
@pytest.mark.parametrize(
    ("settings", "extends"),
    [
        ({}, True),
        ({"schedule": "cosine-restarts", "lookahead": "5:0.5", "ema_decay": 0.9}, True),
        ({"schedule": "triangular"}, False),
        ({"schedule": "cosine"}, False),
        ({"schedule": "step", "step_at": "0.5"}, False),
        ({"swa_epochs": 1}, False),
        ({"lookahead": "airbench:0"}, False),
    ],
)
def test_complete_run_is_extended_only_if_its_epochs_may_change(settings, extends):
    from py_djl_resnet.cli.train import _complete

    text = _complete(SimpleNamespace(history=[{}, {}], recipe=Recipe(epochs=2, **settings)))
    more = " Extend it with --epochs N." if extends else ""
    assert text == f"This run is complete, with 2 of 2 epochs. Nothing was trained.{more}"


@pytest.mark.parametrize(
    ("arguments", "optimizer", "schedule"),
    [
        (["--model", "vae-small"], "adam", "plateau"),
        (["--model", "vae-small", "--schedule", "cosine"], "adam", "cosine"),
        # a recipe means what it does in Python
        (["--recipe", "vae-fashion-mnist"], "adam", "cosine"),
        (["--model", "resnet18"], "sgd", "constant"),
        ([], "sgd", "constant"),
    ],
)
def test_autoencoder_without_a_recipe_has_its_usual_settings(monkeypatch, arguments, optimizer, schedule):
    recipe = settings(monkeypatch, {}, *arguments)
    assert (recipe.optimizer, recipe.schedule) == (optimizer, schedule)
