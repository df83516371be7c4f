"""The schema of settings, which Java, Python, the command line and the docs share."""

import dataclasses
import json
import runpy
from pathlib import Path

import pytest

from py_djl_resnet import Recipe, SettingError
from py_djl_resnet.settings import RESUMABLE, SETTINGS, absolute_paths, check_start

ROOT = Path(__file__).parent.parent
TYPES = {
    "augmentations": "Sequence[str]",
    **dict.fromkeys(("text", "path", "choice", "model", "dataset"), "str"),
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "fraction or path": "float | str",
    "choice or numbers": "str | Sequence[float]",
}
NUMBERS = [setting for setting in SETTINGS.values() if setting.type in ("integer", "number")]


def java(jvm, settings):
    """The complete recipe that Java makes of settings."""
    with jvm.translated_errors():
        return json.loads(str(jvm.bridge().completeRecipe(json.dumps(settings))))


def test_the_recipe_has_the_settings_of_the_schema():
    fields = {
        # a default may not be a list
        field.name: (field.type, list(field.default) if isinstance(field.default, tuple) else field.default)
        for field in dataclasses.fields(Recipe)
    }
    assert list(fields) == list(SETTINGS)
    for name, setting in SETTINGS.items():
        null = "" if setting.unset is None else " | None"
        assert fields[name] == (TYPES[setting.type] + null, setting.default)
        assert (setting.default is None) <= (setting.unset is not None)


def test_java_has_the_settings_of_the_schema(jvm):
    assert java(jvm, {}) == {name: setting.default for name, setting in SETTINGS.items()}
    assert list(java(jvm, {})) == list(SETTINGS)


def test_resumed_run_may_change_settings_that_keep_its_result():
    assert set(RESUMABLE) == {
        "data_dir",
        "epochs",
        "device",
        "threads",
        "compile",
        "checkpoint_every",
        "keep",
        "profile",
        "debug_gradients",
    }


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda setting: setting.name)
def test_java_checks_the_range_of_a_number(jvm, setting):
    whole = {"epochs": 1_000_000} if setting.name in ("warmup_epochs", "beta_warmup_epochs", "swa_epochs") else {}
    beyond = 1 if setting.type == "integer" else 1e-9
    for value in (setting.min, setting.max):
        if (setting.name, value) != ("warmup_epochs", 1_000_000):
            assert java(jvm, {**whole, setting.name: value})[setting.name] == value
    for value in (setting.min - beyond, setting.max + beyond):
        with pytest.raises(SettingError, match=f'^Invalid value for "{setting.name}". Received: '):
            java(jvm, {setting.name: value})


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=lambda setting: setting.name)
def test_java_describes_allowed_values_like_the_docs(jvm, setting):
    with pytest.raises(SettingError) as caught:
        java(jvm, {setting.name: [0]})
    allowed = str(caught.value).removeprefix(f'Invalid value for "{setting.name}". Received: a list. Allowed: ')
    if setting.type == "dataset":  # Java lists the known ones
        assert allowed.startswith("folder:DIR, fashion-mnist, mnist, ")
        assert allowed.endswith(", cifar-100-coarse, idx, arrays.")
    else:
        assert allowed == setting.in_words() + ("." if setting.unset is None else ", or null.")


@pytest.mark.parametrize(
    ("engine", "device", "threads", "message"),
    [
        ("pytorc", "auto", None, "\"engine\". Received: 'pytorc'. Allowed: pytorch, mxnet. Did you mean 'pytorch'?"),
        ("mxnet", "gpu:", None, "\"device\". Received: 'gpu:'. Allowed: auto, cpu, gpu or gpu:N."),
        ("mxnet", "cpu", True, '"threads". Received: True. Allowed: a whole number from 1 to 1024, or null.'),
        ("mxnet", "cpu", 1025, '"threads". Received: 1025. Allowed: a whole number from 1 to 1024, or null.'),
    ],
)
def test_settings_that_java_starts_with_are_checked_before(engine, device, threads, message):
    with pytest.raises(SettingError) as caught:
        check_start(engine, device, threads)
    assert str(caught.value) == f"Invalid value for {message}"


def test_paths_become_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    given = {"data_dir": "a", "weights": "/b", "validation": "c", "model": "d"}
    assert absolute_paths(given) == {
        "data_dir": str(tmp_path / "a"),
        "weights": "/b",
        "validation": str(tmp_path / "c"),
        "model": "d",
    }
    kept = {"data_dir": None, "weights": "", "validation": 0.5}
    assert absolute_paths(kept) == kept


def test_settings_page_is_current():
    tool = runpy.run_path(str(ROOT / "tools" / "settings_page.py"))
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == tool["page"](), "run python tools/settings_page.py"
