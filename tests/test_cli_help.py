"""The help of the command line, and the errors of its arguments."""

import json
import re
import subprocess
import sys

import pytest

from py_djl_resnet import UsageError
from py_djl_resnet.cli.parser import build_parser, parse

COMMANDS = [
    *("train", "summary", "evaluate", "bypass", "predict", "import", "export", "plot", "models", "datasets"),
    *("recipes", "lr-find", "landscape", "notebook", "doctor", "lesion", "shattering", "vae", "study"),
]


def run_python(folder, *arguments):
    return subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_an_example(capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as left:
        parse(build_parser("py-djl-resnet"), [name, "--help"])
    assert left.value.code == 0
    text, examples = re.split(r"\nexamples?:\n", capsys.readouterr().out)
    assert examples.startswith(f"  py-djl-resnet {name}")
    assert max(map(len, text.splitlines())) <= 80


def test_help_works_without_docstrings(tmp_path):
    text = run_python(tmp_path, "-m", "py_djl_resnet", "--help").stdout
    assert run_python(tmp_path, "-OO", "-m", "py_djl_resnet", "--help").stdout == text
    ran = run_python(tmp_path, "-OO", "-m", "py_djl_resnet", "models", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)[0]["description"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--quiet", "train"],
            "before the command. Received: '--quiet'. Options follow it: py-djl-resnet train --quiet",
        ),
        (["train", "--colour", "red"], "Unknown option. Received: '--colour'. See"),
        (["train", "--learning-rate", "0.1"], "Unknown option. Received: '--learning-rate'. Did you mean '--lr'? See"),
        (["train", "--epoch", "3"], "Unknown option. Received: '--epoch'. Did you mean '--epochs'? See"),
        (["train", "extra"], "Unexpected argument 'extra'. See"),
        (["evaluate", "run", "--limit"], "--limit needs a value. See"),
        (["summary", "resnet18", "--table", "--json"], "--json cannot be combined with --table. See"),
        (["train", "--quiet=yes"], "--quiet takes no value. Received: 'yes'. See"),
        (["plot", "run", "--style", "book"], "--style is unknown. Received: 'book'. Allowed: panels, d2l. See"),
        (["plot", "run", "--size", "10"], "--size must be inches from 1 to 100, such as 10x4. Received: '10'. See"),
        (
            ["evaluate", "run", "--limit", "ten"],
            "--limit must be a whole number. Received: 'ten'. See",
        ),
    ],
)
def test_invalid_arguments_are_named(arguments, message):
    with pytest.raises(UsageError) as caught:
        parse(build_parser("py-djl-resnet"), arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "arguments", [["predict", "{run}", "http://x/a.png"], ["evaluate", "https://x/best.safetensors"]]
)
def test_url_is_rejected(rejected, trained, arguments):
    code, message = rejected(*(argument.format(run=trained.folder) for argument in arguments))
    assert code == 2
    assert re.search(r"cannot be a URL\. Received: 'https?://x/.*'\. Download the file and give its path\.$", message)
