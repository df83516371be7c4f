"""The results in docs/study.md against the tables of the study's report, which lie in docs/study/."""

import csv
import re
import statistics
from pathlib import Path

import pytest

from py_djl_resnet.study import read_study

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "study.md").read_text("utf-8")
NETWORKS = ("study-plain20", "study-resnet20", "study-plain56", "study-resnet56")

#: The page's names of measures of surfaces, and those in landscapes.csv.
MEASURES = {
    "loss at the centre": "centre",
    "points with negative curvature in the plane": "non_convex",
    "the same where the loss is at most twice the lowest": "non_convex_low",
    "width of the basin at twice the lowest loss": "basin_width",
    "smaller / larger curvature at the centre": "lambda_ratio",
}


def rows(name):
    with (DOCS / "study" / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def table(first_cell):
    """Returns the cells of the page's only table whose head begins so, without the head."""
    (text,) = re.findall(rf"^\| {re.escape(first_cell)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def check(text, value, deviation=None):
    """Compares a printed number, with as many digits as it has, and the deviation after it."""
    percent = "%" in text
    numbers = re.findall(r"\d+\.?\d*", text)
    expected = [value] if deviation is None or "±" not in text else [value, deviation]
    assert len(numbers) == len(expected), text
    for number, found in zip(numbers, expected, strict=True):
        digits = len(number.partition(".")[2])
        shown = float(number) / (100 if percent else 1)
        assert shown == pytest.approx(found, abs=0.501 * 10 ** -(digits + 2 * percent)), text


def test_study_of_the_page_is_one():
    study = read_study(DOCS / "study" / "study.json")
    assert study.networks == NETWORKS


def test_accuracies():
    study = read_study(DOCS / "study" / "study.json")
    found = table("network | 50 of 180")
    for network in NETWORKS:
        measured = [row for row in rows("table.csv") if row["network"] == network and row["published_epoch"]]
        (cells,) = [cells[1:] for cells in found if cells[0] == f"`{network}` ({study.epochs[network]} epochs)"]
        for cell, row in zip(cells, measured, strict=False):
            check(cell, float(row["accuracy"]))
        assert {row["n"] for row in measured} == {cells[3]}
        assert {row["epochs"] for row in measured} == {str(study.epochs[network])}
        (cells,) = [cells[1:4] for cells in found if cells[0] == f"`{network}`, published"]
        for cell, value in zip(cells, study.published["study"][network], strict=True):
            check(cell, value)


def test_losses():
    measured = {(row["network"], row["epoch"]): row for row in rows("table.csv")}
    found = [cells for cells in table("network | after epoch") if "published" not in cells[0]]
    assert len(found) == 8
    for name, epoch, *cells in found:
        for cell, column in zip(cells, ("loss", "cross_entropy", "l2"), strict=True):
            check(cell, float(measured[name.strip("`"), epoch][column]))


def test_gradients_of_the_first_step():
    first = {
        row["network"]: row["gradient_norm"] for row in rows("depth.csv") if (row["step"], row["layer"]) == ("1", "1")
    }
    for name, stem, every in table("network, seed 0"):
        network = name.strip("`")
        (norm,) = [
            row["gradient_norm"]
            for row in rows("gradients.csv")
            if (row["curve"], row["network"], row["step"]) == ("global", network, "1")
        ]
        check(stem, float(first[network]))
        check(every, float(norm))


def test_surfaces():
    found = table("measure")
    assert {cells[0] for cells in found} == {*MEASURES}
    by_network = {(row["model"], row["direction"]): row for row in rows("landscapes.csv")}
    for name, *cells in found:
        for network, cell in zip(NETWORKS, cells, strict=True):
            mean, deviation = (by_network[network, of][MEASURES[name]] for of in ("mean", "deviation"))
            check(cell, float(mean), float(deviation or 0))
            if name.startswith("width"):
                assert ("≥" in cell) == (by_network[network, "mean"]["basin_open"] not in ("", "0"))


@pytest.mark.parametrize(
    ("name", "kind", "size"),
    [
        ("complete", "none", "0"),
        ("each block left out in turn", "block", "1"),
        ("3 blocks left out", "delete", "3"),
        ("5 blocks left out", "delete", "5"),
        ("1 swap", "shuffle", "1"),
        ("10 swaps", "shuffle", "10"),
    ],
)
def test_lesions(name, kind, size):
    (cells,) = [cells[1:] for cells in table("test error") if cells[0] == name]
    for network, cell in zip(NETWORKS, cells, strict=True):
        errors = [
            1 - float(row["accuracy"])
            for row in rows("lesions.csv")
            if (row["network"], row["kind"], row["size"]) == (network, kind, size)
        ]
        check(cell, statistics.mean(errors), statistics.stdev(errors) if len(errors) > 1 else None)
