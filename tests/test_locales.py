"""The command line prints and saves the same numbers in every language."""

import csv
import os
import re
import subprocess
import sys

import pytest

SCRIPT = """
import jpype
from py_djl_resnet.cli import main
train = "train --model cifar-resnet20 --image-size 8 --limit 64 --batch-size 64 --epochs 1 --threads 1 --out run"
assert main(train.split()) == 0
assert main(["summary", "cifar-resnet20"]) == 0
print("Java:", jpype.JString("%,.2f").formatted(1234.5))
"""


def output_and_metrics(folder, **environment):
    """The output of a short training and a summary, and the training's metrics, both without what depends on time."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    with (folder / "run" / "metrics.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    for number in row.values():
        assert re.fullmatch(r"[-+.e0-9]*", number)
    assert done.stdout.endswith("\nJava: 1,234.50\n")
    metrics = {name: number for name, number in row.items() if "second" not in name}
    lines = [line for line in done.stdout.splitlines() if "sec" not in line and "/s" not in line]
    # a duration in the remaining lines may have any digits
    return re.sub(r"[ 0-9]+", "0", "\n".join(lines)), metrics


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return output_and_metrics(tmp_path_factory.mktemp("english"), LC_ALL="C.UTF-8")


@pytest.mark.parametrize("locale", ["tr_TR", "fa_IR", "ar_EG"])
def test_numbers_do_not_depend_on_the_language(expected, tmp_path, locale):
    language, country = locale.split("_")
    # stands in for the locale, which may not be installed
    options = " ".join(f"-Duser.language{part}={language} -Duser.country{part}={country}" for part in ("", ".format"))
    assert output_and_metrics(tmp_path, LC_ALL="C", LANG=f"{locale}.UTF-8", JAVA_TOOL_OPTIONS=options) == expected
