"""The recipes of the package: the command and the page."""

import json
import runpy
from pathlib import Path

import pytest

from py_djl_resnet import Recipe, UsageError
from py_djl_resnet.cli.parser import build_parser, parse
from py_djl_resnet.recipe import bundled_recipes, recipe_names

ROOT = Path(__file__).parent.parent


def run(*arguments):
    options = parse(build_parser("py-djl-resnet"), ["recipes", *arguments])
    assert options.run(options) == 0


@pytest.mark.usefixtures("jvm")
@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_valid(name):
    recipe = Recipe.from_file(name).checked()
    assert recipe == Recipe.from_file(name).replace(precision=recipe.precision)


def test_command_lists_what_recipes_reach(capsys, monkeypatch):
    about = {"summary": "a test", "accuracy": 0.94126, "deviation": 0.00123, "minutes": 9.96, "n": 5, "machine": "M"}
    about |= {"task": "stripes", "tta": "flip,shift", "accuracy_with_tta": 0.9512}
    about |= {"deviation_with_tta": 0.002, "deviation_of_minutes": 0.31}
    unmeasured = dict.fromkeys(about) | {"summary": "another"}
    found = [
        {"name": "first", "settings": {"model": "fashion-net", "epochs": 3}, "about": about},
        {"name": "second", "settings": {}, "about": unmeasured},
    ]
    monkeypatch.setattr("py_djl_resnet.cli.recipes.bundled_recipes", lambda: found)
    run()
    head, first, second, *rest = capsys.readouterr().out.splitlines()
    assert head.split()[4:] == ["accuracy", "with", "tta", "minutes", "n", "description"]
    assert first.split()[:7] == ["first", "fashion-net", "fashion-mnist", "3", "94.13", "±", "0.12"]
    assert first.split()[7:15] == ["95.12", "±", "0.20", "(flip,shift)", "10.0", "±", "0.3", "5"]
    assert second.split()[:7] == ["second", "d2l-resnet18", "fashion-mnist", "10", "-", "-", "-"]
    assert rest == ["", "first was measured on stripes.", "", "first: measured on M."]


def test_command_prints_a_recipe_that_can_be_used_again(capsys, tmp_path):
    run("fashion-mnist-fast")
    (tmp_path / "mine.json").write_text(capsys.readouterr().out)
    assert Recipe.from_file(tmp_path / "mine.json") == Recipe.from_file("fashion-mnist-fast")
    run("--json")
    assert json.loads(capsys.readouterr().out) == bundled_recipes()
    with pytest.raises(UsageError, match=r"Unknown recipe\. Received: 'fashion-mnist-fst'\. Did you mean 'fashion-mn"):
        run("fashion-mnist-fst")


def test_page_is_current():
    tool = runpy.run_path(str(ROOT / "tools" / "recipes_page.py"))
    assert (ROOT / "docs" / "recipes.md").read_text("utf-8") == tool["page"](), "run python tools/recipes_page.py"
