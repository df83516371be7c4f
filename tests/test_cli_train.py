"""The options of the command ``train``, and its help."""

import json
import re

import pytest

from py_djl_resnet import Recipe
from py_djl_resnet.cli.parser import build_parser, parse


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
            assert text[option].endswith(f"(default: {'no' if value is False else value})")
    assert text["--threads"].endswith("(default: all cores)")
    assert text["--limit"].endswith("(default: all)")
    assert text["--patience"].endswith("(default: never)")


def test_help_shows_defaults_from_the_environment(explained):
    text = explained(MAX_EPOCH="3", DATASET_LIMIT="512")
    assert text["--epochs"].endswith("(default: 3, from MAX_EPOCH)")
    assert text["--limit"].endswith("(default: 512, from DATASET_LIMIT)")
    assert text["--lr"].endswith("(default: 0.05)")


def test_help_works_with_an_invalid_environment(explained):
    assert explained(MAX_EPOCH="many")["--epochs"].endswith("(default: 10)")


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
    arguments = """--model m --dataset d --data-dir dir --epochs 1 --batch-size 2 --lr 3 --momentum 0.4
        --nesterov --weight-decay 0.5 --decay-bias-and-norm --schedule step --warmup-epochs 6 --step-epochs 7
        --step-factor 0.8 --weights w --image-size 9 --limit 10 --seed -11 --engine mxnet --device gpu:1 --threads 12
        --checkpoint-every 60s --keep 13 --patience 14 --min-delta 0.15 --plateau-epochs 16 --plateau-factor 0.17
        --stochastic-depth 0.18 --profile --validation 0.19 --no-drop-last"""
    recipe = settings(monkeypatch, {}, *arguments.split())
    assert json.loads(recipe.to_json()) == {
        "model": "m",
        "dataset": "d",
        "data_dir": "dir",
        "epochs": 1,
        "batch_size": 2,
        "lr": 3.0,
        "momentum": 0.4,
        "nesterov": True,
        "weight_decay": 0.5,
        "decay_bias_and_norm": True,
        "schedule": "step",
        "warmup_epochs": 6,
        "step_epochs": 7,
        "step_factor": 0.8,
        "weights": "w",
        "image_size": 9,
        "limit": 10,
        "seed": -11,
        "engine": "mxnet",
        "device": "gpu:1",
        "threads": 12,
        "checkpoint_every": "60s",
        "keep": 13,
        "patience": 14,
        "min_delta": 0.15,
        "plateau_epochs": 16,
        "plateau_factor": 0.17,
        "stochastic_depth": 0.18,
        "profile": True,
        "validation": 0.19,
        "drop_last": False,
    }


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


def test_data_sets_of_the_api_are_not_offered(rejected):
    code, message = rejected("train", "--dataset", "nothing")
    assert code == 2
    assert message == "Invalid value for --dataset. Received: 'nothing'. Allowed: fashion-mnist, cifar-10, idx."
